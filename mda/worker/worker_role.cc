// SPDX-License-Identifier: Apache-2.0
#include "mda/worker/worker_role.h"

#include <unistd.h>

#include <algorithm>
#include <optional>

#include "common/base/text.h"
#include "common/net/conn.h"
#include "mda/broker/delivery.h"
#include "mda/imap/imap_settings.h"
#include "mda/imap/session.h"
#include "mda/worker/save_delivery.h"

namespace dovetail::mda {

using service::ControlMessage;

namespace {

constexpr unsigned kPoolThreads = 8;  // deliveries to so many mailboxes wait for the disk at once
constexpr size_t kReceivers = 64;
constexpr base::Milliseconds kReceiverTime{30000};

MailUser user_of(const ControlMessage& message) {
  MailUser user;
  user.user = message.get("user");
  user.service = message.get("service");
  user.session = message.get("session");
  user.local_ip = message.get("lip");
  user.remote_ip = message.get("rip");
  for (size_t number = 0;; ++number) {
    auto field = message.fields.find(format("userdb.{}", number));
    if (field == message.fields.end()) return user;
    auto [name, value] = base::cut(field->second, '=');
    user.userdb.push_back({std::string(name), std::string(value.value_or("yes"))});
  }
}

// All that a user's settings for a delivery depend on.
std::string receiver_key(const ControlMessage& message) {
  std::string key;
  for (auto& [name, value] : message.fields) {
    bool counts = name == "user" || name == "service" || name == "lip" || name == "rip" ||
                  name.starts_with("userdb.");
    if (!counts) continue;
    key += value;
    key += '\n';
  }
  return key;
}

// What tells two stores of one user apart.
std::string store_key(const StoreSettings& settings) {
  auto key = settings.user + "\n" + settings.home + "\n" + settings.mail_location;
  for (auto& space : settings.namespaces) key += "\n" + space.prefix + "\n" + space.location;
  return key;
}

void put_initialization_failed(Conn& conn, const ControlMessage& message) {
  if (message.get("service") == "imap") {
    conn.print("{} OK Logged in, but initialization failed.\r\n", message.get("tag"));
    conn.put("* BYE Internal error occurred. Refer to server log for more information.\r\n");
  } else {
    conn.put(
        "-ERR [SYS/TEMP] Internal error occurred. Refer to server log for more information.\r\n");
  }
}

// One object for all sessions whose settings are the same, which is nearly all of them.
template <class Settings>
std::shared_ptr<const Settings> share(std::shared_ptr<const Settings>& last, Settings settings) {
  if (!last || !(*last == settings)) last = std::make_shared<const Settings>(std::move(settings));
  return last;
}

}  // namespace

class WorkerRole::Running {
 public:
  Running(WorkerRole& role, service::Context& context, std::string id)
      : role_(role), context_(context), id_(std::move(id)) {
    role_.jobs_[id_];
  }
  ~Running() {
    role_.jobs_.erase(id_);
    answer_.fields["id"] = id_;
    context_.tell_parent(answer_, {});
  }
  Running(const Running&) = delete;
  // A session is this worker's for good: its client has heard something.
  void set_conn(Conn* conn) {
    role_.jobs_[id_].conn = conn;
    ControlMessage taken{"taken", {}};
    taken.fields["id"] = id_;
    context_.tell_parent(taken, {});
  }
  void set_answer(ControlMessage answer) { answer_ = std::move(answer); }

 private:
  WorkerRole& role_;
  service::Context& context_;
  std::string id_;
  ControlMessage answer_{"ended", {}};
};

Result<void> WorkerRole::prepare(service::Context& context) {
  if (context.arguments.size() > 0) return config_error("mail-worker takes no arguments");
  return {};
}

void WorkerRole::start(service::Context& context) {
  pool_ = std::make_unique<net::Pool>(context.loop, kPoolThreads);
  watcher_ = std::make_unique<imap::ChangeWatcher>(context.loop, context.log);
  receivers_timer_ = std::make_unique<net::Timer>(context.loop, [this] { forget_receivers(); });
}

Task<> WorkerRole::serve(service::Context&, service::Client) {
  co_return;
}  // there is no listener

void WorkerRole::control(service::Context& context, const ControlMessage& message,
                         std::vector<base::Fd> fds) {
  if (message.verb == "session" && fds.size() == 1) {
    net::spawn(run_session(context, message, std::move(fds.front())), context.log);
  } else if (message.verb == "deliver" && fds.size() == 1) {
    net::spawn(run_delivery(context, message, std::move(fds.front())), context.log);
  } else if (message.verb == "kick") {
    auto job = jobs_.find(message.get("id"));
    if (job != jobs_.end() && job->second.conn) job->second.conn->cancel();
  } else {
    context.log.error("unknown message from the broker: {}", base::printable(message.verb));
  }
}

void WorkerRole::stop(service::Context&) {
  for (auto& [id, job] : jobs_) {
    if (job.conn) job.conn->cancel();
  }
}

Result<std::shared_ptr<Store>> WorkerRole::store_of(service::Context& context,
                                                    const MailUser& user) {
  auto settings = store_settings(user);
  if (!settings) return settings.error();
  auto key = store_key(*settings);
  if (auto known = stores_[key].lock()) return known;
  auto made = Store::create(context.loop, *pool_, std::move(*settings),
                            Logger(user.log_name(::getpid(), user.session)));
  if (!made) {
    stores_.erase(key);
    return made.error();
  }
  std::shared_ptr<Store> store = std::move(*made);
  stores_[key] = store;
  std::erase_if(stores_, [](auto& row) { return row.second.expired(); });
  return store;
}

// --- sessions

// What run_imap() and run_pop3() need, and nothing else: the broker's message and the user's settings must not live as
// long as the client waits.
struct WorkerRole::Opened {
  std::optional<imap::SessionEnvironment> imap;
  std::optional<pop3::SessionEnvironment> pop3;
};

Task<> WorkerRole::run_session(service::Context& context, ControlMessage message, base::Fd fd) {
  Running running(*this, context, message.get("id"));
  Conn conn(context.loop, std::move(fd));
  running.set_conn(&conn);
  conn.put_back(base::unbase64(message.get("input")).value_or(std::string()));
  auto opened = open_session(context, message);
  if (!opened) put_initialization_failed(conn, message);
  message.fields.clear();
  if (!opened) {
    conn.set_timeout(base::Milliseconds(1000));
    co_await conn.flush();
  } else if (opened->imap) {
    auto environment = std::move(*opened->imap);
    opened.reset();
    co_await imap::run_imap(conn, std::move(environment));
  } else {
    auto environment = std::move(*opened->pop3);
    opened.reset();
    co_await pop3::run_pop3(conn, std::move(environment));
  }
}

// What was wrong has been logged.
std::optional<WorkerRole::Opened> WorkerRole::open_session(service::Context& context,
                                                           const ControlMessage& message) {
  auto user = complete_mail_user(*context.settings, user_of(message));
  if (!user) {
    auto name = format("{}({})", message.get("service"), base::printable(message.get("user")));
    Logger(name).error("{}", user.error().text);
    return std::nullopt;
  }
  Logger log(user->log_name(::getpid(), user->session));
  auto store = store_of(context, *user);
  if (!store) {
    log.error("{}", store.error().text);
    return std::nullopt;
  }
  Opened opened;
  if (user->service == "imap") {
    imap::SessionEnvironment environment;
    environment.store = *store;
    environment.pool = pool_.get();
    environment.watcher = watcher_.get();
    environment.settings = share(imap_settings_, imap::read_imap_settings(*user->view));
    environment.log = log;
    environment.login_tag = message.get("tag");
    opened.imap = std::move(environment);
  } else if (user->service == "pop3") {
    pop3::SessionEnvironment environment;
    environment.store = *store;
    environment.settings = share(pop3_settings_, pop3::read_pop3_settings(*user->view));
    environment.log = log;
    environment.locks = &pop3_locks_;
    opened.pop3 = std::move(environment);
  } else {
    log.error("service {} is not supported yet", user->service);
    return std::nullopt;
  }
  return opened;
}

// --- deliveries

Result<WorkerRole::Receiver> WorkerRole::receiver_of(service::Context& context,
                                                     const ControlMessage& message) {
  auto key = receiver_key(message);
  auto now = base::monotonic_now();
  auto known = receivers_.find(key);
  if (known == receivers_.end()) {
    auto user = complete_mail_user(*context.settings, user_of(message));
    if (!user) return user.error();
    user->session.clear();
    auto store = store_of(context, *user);
    if (!store) return store.error();
    if (receivers_.size() >= kReceivers) forget_receivers();
    if (receivers_.empty()) receivers_timer_->start(kReceiverTime);
    Receiver made{std::make_shared<const MailUser>(std::move(*user)), std::move(*store)};
    known = receivers_.emplace(std::move(key), std::move(made)).first;
  }
  known->second.used = now;
  return known->second;
}

// The ones unused for long; if there are none, the one unused longest makes room.
void WorkerRole::forget_receivers() {
  auto now = base::monotonic_now();
  std::erase_if(receivers_, [&](auto& row) { return now - row.second.used >= kReceiverTime; });
  if (receivers_.size() >= kReceivers) {
    receivers_.erase(std::min_element(receivers_.begin(), receivers_.end(), [](auto& a, auto& b) {
      return a.second.used < b.second.used;
    }));
  }
  if (!receivers_.empty()) receivers_timer_->start(kReceiverTime);
}

Task<> WorkerRole::run_delivery(service::Context& context, ControlMessage message, base::Fd fd) {
  Running running(*this, context, message.get("id"));
  auto delivery = Delivery::decode(message);
  DeliveryAnswer answer;
  running.set_answer(answer.encode());
  auto receiver = receiver_of(context, message);
  if (!receiver) {
    answer.text = receiver.error().text;
    Logger(format("{}({})", delivery.service, base::printable(delivery.user)))
        .error("{}", answer.text);
    running.set_answer(answer.encode());
    co_return;
  }
  Logger log(receiver->user->log_name(::getpid(), delivery.session));
  answer = co_await save_delivery(*receiver->store, *receiver->user, std::move(delivery), fd.get(),
                                  std::move(log));
  running.set_answer(answer.encode());
}

}  // namespace dovetail::mda
