// SPDX-License-Identifier: Apache-2.0
#include "mda/broker/broker_role.h"

#include <unistd.h>

#include <algorithm>
#include <thread>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/text.h"
#include "common/net/conn.h"
#include "conf/dovecot/settings.h"

namespace dovetail::mda {

using conf::dovecot::Selector;
using service::ControlMessage;

namespace {

// Recipients of messages that are on their way in now; more are looked up again.
constexpr size_t kRememberedUsers = 1000;
constexpr base::Milliseconds kRememberFor{60000};
constexpr base::Milliseconds kLimitWarnInterval{8000};

std::string program_directory() {
  std::string path(4096, '\0');
  ssize_t n = ::readlink("/proc/self/exe", path.data(), path.size());
  path.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return std::string(base::dirname(path));
}

// What the worker needs to know of the user, as fields of a job: "userdb.N" = NAME[=VALUE].
void add_user(ControlMessage& message, const proto::AuthUser& user) {
  message.fields["user"] = user.name;
  size_t number = 0;
  for (auto& field : user.fields) {
    auto text = field.flag ? field.name : field.name + "=" + field.value;
    std::erase_if(text, [](char c) { return c == '\n' || c == '\0'; });
    message.fields[format("userdb.{}", number++)] = std::move(text);
  }
}

// The client has been let in and learns now that nothing comes of it. Constant text and its own tag; if the socket is full
// he gets less.
void say_initialization_failed(const Handover& handover, int fd) {
  auto text = handover.service == "imap" ? format(
                                               "{} OK Logged in, but initialization failed.\r\n* "
                                               "BYE Internal error occurred. Refer to server "
                                               "log for more information.\r\n",
                                               handover.tag)
                                         : std::string(
                                               "-ERR [SYS/TEMP] Internal error occurred. Refer to "
                                               "server log for more information.\r\n");
  (void)!::write(fd, text.data(), text.size());
}

}  // namespace

Result<void> BrokerRole::prepare(service::Context& context) {
  auto view = context.settings->view({});
  if (!view) return view.error();
  auth_master_path_ = (*view)->get("base_dir") + "/auth-master";
  worker_start_.program = program_directory() + "/mail-worker";
  auto isolation = (*view)->get("mail_isolation");
  using Isolation = WorkerStart::Isolation;
  worker_start_.isolation = isolation == "user"     ? Isolation::user
                            : isolation == "domain" ? Isolation::domain
                                                    : Isolation::uid;
  worker_start_.workers_per_identity = std::max(std::thread::hardware_concurrency(), 1u);
  worker_start_.idle_kill =
      std::chrono::seconds(std::max(context.hello.number("worker_idle_kill"), 1u));
  if (context.hello.number("worker_idle_kill") == 0)
    worker_start_.idle_kill = std::chrono::seconds(60);
  if (::access(worker_start_.program.c_str(), X_OK) != 0)
    return errno_error(worker_start_.program, errno);
  conf::dovecot::PackFor what;
  what.readers = {"imap", "pop3", "lmtp", "lda"};
  auto packed = context.settings->pack(what);
  if (!packed) return packed.error();
  worker_start_.settings = std::move(*packed);
  return {};
}

void BrokerRole::start(service::Context& context) {
  auth_ = std::make_unique<proto::AuthMaster>(context.loop, auth_master_path_, context.log);
  workers_ = std::make_unique<Workers>(context.loop, context.log, worker_start_);
}

void BrokerRole::stop(service::Context&) {
  if (workers_) workers_->stop();
}

// --- generations

void BrokerRole::drain(service::Context& context) {
  draining_ = true;
  // Who is cancelled takes itself out of the set.
  auto all = waiting_;
  for (auto* connection : all) connection->cancel();
  for (auto broker : online_.brokers()) {
    auto memory = service::sealed_memory("online", online_.encode(broker));
    if (!memory) return context.log.error("{}", memory.error().text);
    ControlMessage message{"online", {}};
    message.fields["broker"] = std::to_string(broker);
    context.tell_parent(message, {memory->get()});
  }
}

void BrokerRole::session_ended(service::Context& context, uint64_t id) {
  online_.remove({::getpid(), id});
  if (!draining_) return;
  ControlMessage message{"offline", {}};
  message.fields["broker"] = std::to_string(::getpid());
  message.fields["session"] = std::to_string(id);
  context.tell_parent(message, {});
}

void BrokerRole::control(service::Context&, const ControlMessage& message,
                         std::vector<base::Fd> fds) {
  auto broker = static_cast<pid_t>(message.number("broker"));
  auto id = base::parse_number<uint64_t>(message.get("session")).value_or(0);
  if (message.verb == "online" && fds.size() == 1) {
    auto bytes = base::read_all(fds[0].get());
    if (bytes) online_.inherit(broker, *bytes);
  } else if (message.verb == "offline") {
    online_.remove({broker, id});
  } else if (message.verb == "gone") {
    online_.remove_all(broker);
  } else if (message.verb == "kick" && workers_) {
    workers_->tell(id, ControlMessage{"kick", {}});
  }
}

Task<> BrokerRole::serve(service::Context& context, service::Client client) {
  auto name = base::basename(client.listener);
  if (name == "imap" || name == "pop3") {
    co_await serve_login(context, std::move(client.fd));
  } else if (name == kDeliverySocket) {
    co_await serve_delivery(context, std::move(client.fd));
  } else if (name == "anvil") {
    co_await serve_counts(context, std::move(client.fd));
  }
}

Result<MailIdentity> BrokerRole::identity_of(const service::Context& context,
                                             const proto::AuthUser& user,
                                             const std::string& service,
                                             const std::string& local_ip,
                                             const std::string& remote_ip) const {
  auto view = context.settings->view(
      Selector{.protocol = service, .local_ip = local_ip, .remote_ip = remote_ip});
  if (!view) return view.error();
  return mail_identity(user.name, user.fields, **view);
}

// --- sessions

Task<> BrokerRole::serve_login(service::Context& context, base::Fd fd) {
  auto received = co_await receive_framed(context.loop, fd.get());
  if (!received || received->message.verb != "session" || received->fds.size() != 1) co_return;
  auto handover = Handover::decode(received->message);
  auto answer =
      co_await take_session(context, std::move(handover), std::move(received->fds.front()));
  auto message = answer.encode();
  std::vector<int> no_fds;
  co_await send_framed(context.loop, fd.get(), std::move(message), std::move(no_fds));
}

Task<HandoverAnswer> BrokerRole::take_session(service::Context& context, Handover handover,
                                              base::Fd client) {
  proto::AuthHandover login;
  login.client_pid = handover.auth_client_pid;
  login.request_id = handover.auth_request;
  login.cookie = handover.auth_cookie;
  auto user = co_await auth_->request(std::move(login), ::getpid(), false);
  HandoverAnswer failed;
  if (!user) {
    context.log.error("auth-master: login: {}", base::printable(user.error().text));
    failed.error = "auth-master: " + user.error().text;
    co_return failed;
  }
  if (!*user) {
    failed.error = "Login request expired or unknown to auth";
    co_return failed;
  }
  auto service = handover.service;
  co_await wait_for_place(context, std::move(service));
  co_return start_session(context, handover, **user, std::move(client));
}

HandoverAnswer BrokerRole::start_session(service::Context& context, const Handover& handover,
                                         const proto::AuthUser& user, base::Fd client) {
  HandoverAnswer answer;
  answer.user = user.name;
  if (handover.userip_limit > 0 && !handover.remote_ip.empty() &&
      online_.connections(handover.service, user.name, handover.remote_ip) >=
          handover.userip_limit) {
    answer.status = HandoverAnswer::Status::limit;
    return answer;
  }
  auto identity =
      identity_of(context, user, handover.service, handover.local_ip, handover.remote_ip);
  if (!identity) {
    // Login has done its part: the incumbent logs "Login:" here, too, and its mail process gives up.
    Logger(format("{}({})", handover.service, base::printable(user.name)))
        .error("{}", identity.error().text);
    say_initialization_failed(handover, client.get());
    answer.status = HandoverAnswer::Status::taken;
    answer.mpid = ::getpid();
    return answer;
  }
  auto message = handover.encode();
  for (auto field : {"auth_client_pid", "auth_request", "auth_cookie", "userip_limit"})
    message.fields.erase(field);
  add_user(message, user);
  auto entry = std::make_shared<uint64_t>(0);
  auto done = [this, &context, entry](const ControlMessage*) { session_ended(context, *entry); };
  bool alone = context.hello.number("alone." + handover.service) > 0;
  auto given =
      workers_->give(*identity, user.name, std::move(message), std::move(client), done, alone);
  if (!given) {
    answer.error = given.error().text;
    return answer;
  }
  *entry = given->id;
  online_.add({::getpid(), given->id},
              {handover.service, user.name, handover.remote_ip, handover.session, given->pid});
  answer.status = HandoverAnswer::Status::taken;
  answer.mpid = given->pid;
  return answer;
}

// process_limit x client_limit, where the administrator has set one of them, bounds the service's sessions. Who comes when
// there are as many waits for a place, as he would in the incumbent's listen queue.
Task<> BrokerRole::wait_for_place(service::Context& context, std::string service) {
  auto most = context.hello.number("sessions_max." + service);
  if (most == 0) co_return;
  while (online_.sessions(service) >= most) {
    auto now = base::monotonic_now();
    if (auto& last = limit_said_[service];
        last == base::Milliseconds(0) || now - last >= kLimitWarnInterval) {
      last = now;
      Logger("master").warning("service({}): {} ({}) reached, client connections are being dropped",
                               service, context.hello.get("limit_name." + service),
                               context.hello.get("limit." + service));
    }
    co_await context.loop.sleep(base::Milliseconds(100));
  }
}

// --- deliveries

// One question after the other, until lmtp hangs up or this broker has a successor.
Task<> BrokerRole::serve_delivery(service::Context& context, base::Fd fd) {
  FramedChannel connection(context.loop, std::move(fd));
  while (!draining_) {
    struct Waiting {
      std::set<FramedChannel*>& all;
      FramedChannel* one;
      ~Waiting() { all.erase(one); }
    };
    Result<StreamMessage> question = permanent("");
    {
      waiting_.insert(&connection);
      Waiting waiting{waiting_, &connection};
      question = co_await connection.receive();
    }
    if (!question) co_return;
    auto answer = co_await answer_delivery(context, std::move(*question));
    if (!answer) co_return;
    auto message = answer->encode();
    std::vector<int> no_fds;
    co_await connection.send(std::move(message), std::move(no_fds));
  }
}

// An Error: no question, and no answer.
Task<Result<DeliveryAnswer>> BrokerRole::answer_delivery(service::Context& context,
                                                         StreamMessage question) {
  if (question.message.verb == "user") {
    auto delivery = Delivery::decode_envelope(question.message);
    co_return co_await find_user(std::move(delivery));
  }
  if (question.message.verb != "deliver" || question.fds.size() != 1)
    co_return permanent("no such question");
  co_return co_await take_delivery(context, std::move(question.message),
                                   std::move(question.fds.front()));
}

Task<DeliveryAnswer> BrokerRole::find_user(Delivery delivery) {
  DeliveryAnswer answer;
  auto user = co_await delivery_user(delivery);
  if (!user) {
    answer.text = user.error().text;
  } else if (!*user) {
    answer.status = DeliveryAnswer::Status::unknown_user;
  } else {
    answer.status = DeliveryAnswer::Status::stored;
    answer.lookup = remember(delivery, std::move(**user));
  }
  co_return answer;
}

// Between RCPT and the end of the message the userdb is not asked a second time, as with the incumbent.
std::string BrokerRole::remember(const Delivery& delivery, proto::AuthUser user) {
  while (remembered_.size() >= kRememberedUsers) remembered_.erase(remembered_.begin());
  uint64_t number = ++last_lookup_;
  remembered_[number] = {delivery.user, delivery.session, std::move(user), base::monotonic_now()};
  return std::to_string(number);
}

std::optional<proto::AuthUser> BrokerRole::recall(const Delivery& delivery) {
  auto number = base::parse_number<uint64_t>(delivery.lookup);
  auto found = number ? remembered_.extract(*number) : decltype(remembered_)::node_type();
  if (found.empty()) return std::nullopt;
  auto& known = found.mapped();
  bool same = known.asked == delivery.user && known.session == delivery.session;
  if (!same || base::monotonic_now() - known.since > kRememberFor) return std::nullopt;
  return std::move(known.user);
}

Task<Result<std::optional<proto::AuthUser>>> BrokerRole::delivery_user(const Delivery& delivery) {
  if (auto known = recall(delivery)) co_return known;
  proto::AuthInfo info;
  info.service = delivery.service;
  info.local_ip = delivery.local_ip;
  info.remote_ip = delivery.remote_ip;
  info.session = delivery.session;
  co_return co_await auth_->user(delivery.user, std::move(info));
}

Task<DeliveryAnswer> BrokerRole::take_delivery(service::Context& context, ControlMessage question,
                                               base::Fd message) {
  using Status = DeliveryAnswer::Status;
  auto delivery = Delivery::decode_envelope(question);
  auto user = co_await delivery_user(delivery);
  DeliveryAnswer answer;
  if (!user) {
    answer.text = user.error().text;
    co_return answer;
  }
  if (!*user) {
    answer.status = Status::unknown_user;
    co_return answer;
  }
  auto identity =
      identity_of(context, **user, delivery.service, delivery.local_ip, delivery.remote_ip);
  if (!identity) {
    answer.text = identity.error().text;
    co_return answer;
  }
  auto job = delivery_job(std::move(question));
  add_user(job, **user);
  // The worker's last word wakes this coroutine; both outlive it together.
  struct Waiting {
    explicit Waiting(Loop& loop) : event(loop) {}
    net::Event event;
    DeliveryAnswer answer;
  };
  auto waiting = std::make_shared<Waiting>(context.loop);
  waiting->answer.text = "mail process ended while the message was being saved";
  auto done = [waiting](const ControlMessage* said) {
    if (said) waiting->answer = DeliveryAnswer::decode(*said);
    waiting->event.set();
  };
  auto given = workers_->give(*identity, (*user)->name, std::move(job), std::move(message), done);
  if (!given) {
    answer.text = given.error().text;
    co_return answer;
  }
  co_await waiting->event.wait();
  co_return waiting->answer;
}

// --- who is there (doveadm who, kick)

unsigned BrokerRole::kick(service::Context& context, std::string_view user, std::string_view ip) {
  auto sessions = online_.of_user(user, ip);
  for (auto& [broker, id] : sessions) {
    ControlMessage kick{"kick", {}};
    if (broker == ::getpid()) {
      workers_->tell(id, kick);
      continue;
    }
    kick.fields["broker"] = std::to_string(broker);
    kick.fields["session"] = std::to_string(id);
    context.tell_parent(kick, {});
  }
  return static_cast<unsigned>(sessions.size());
}

Task<> BrokerRole::serve_counts(service::Context& context, base::Fd fd) {
  net::Conn conn(context.loop, std::move(fd));
  for (;;) {
    auto line = co_await conn.read_line(8192);
    std::string text(line.text);
    auto words = base::split(text, '\t');
    if (words[0] == "CONNECT-DUMP") {
      conn.put(online_.dump());
    } else if (words[0] == "LOOKUP" && words.size() > 1) {
      auto [protocol, rest] = base::cut(words[1], '/');
      auto [ip, user] = base::cut(rest.value_or(""), '/');
      conn.print("{}\n", online_.connections(protocol, user.value_or(""), ip));
    } else if (words[0] == "KICK" && words.size() > 1) {
      conn.print("{}\n", kick(context, words[1], words.size() > 2 ? words[2] : std::string_view()));
    } else if (words[0] != "VERSION") {
      co_return;
    }
    co_await conn.flush();
  }
}

}  // namespace dovetail::mda
