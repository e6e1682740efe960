// SPDX-License-Identifier: Apache-2.0
#include "common/service/runner.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "common/base/random.h"
#include "common/base/text.h"
#include "common/net/conn.h"
#include "common/net/tls_tickets.h"

namespace dovetail::service {

std::optional<Hello> receive_hello() {
  int type = 0;
  socklen_t length = sizeof type;
  if (getsockopt(kControlFd, SOL_SOCKET, SO_TYPE, &type, &length) != 0 || type != SOCK_SEQPACKET) return std::nullopt;
  Hello hello;
  net::Loop loop;
  net::Channel channel(loop, base::Fd(::fcntl(kControlFd, F_DUPFD_CLOEXEC, 100)));
  struct Read {
    static Task<> once(net::Channel& channel, Hello& hello) {
      auto got = co_await channel.receive();
      hello.message = ControlMessage::decode(got.bytes);
      auto named = hello.message.get("memory");
      if (named.empty()) named = "settings";
      auto names = base::words(named, " ");
      for (size_t i = 0; i < std::min(names.size(), got.fds.size()); ++i) {
        if (names[i] == "settings") hello.settings = std::move(got.fds[i]);
        if (names[i] == "tickets") hello.tickets = std::move(got.fds[i]);
        if (names[i] == "tally") hello.tally = std::move(got.fds[i]);
      }
    }
  };
  try {
    net::run_until_done(loop, Read::once(channel, hello));
  } catch (const IoError&) {
    return std::nullopt;
  }
  return hello;
}

namespace {

bool read_tickets(int fd, net::TicketKeys& keys) {
  auto bytes = base::read_all(fd, 4096);
  bool good = bytes && keys.decode(*bytes);
  if (bytes) base::wipe(*bytes);
  return good;
}

}  // namespace

std::shared_ptr<net::TicketKeys> received_tickets(const Hello& hello) {
  if (!hello.tickets) return nullptr;
  auto keys = std::make_shared<net::TicketKeys>();
  return read_tickets(hello.tickets.get(), *keys) ? keys : nullptr;
}

Runner::Runner(Role& role, Context& context, Limits limits, base::Fd tally)
    : role_(role),
      context_(context),
      limits_(limits),
      room_(context.loop),
      idle_timer_(context.loop,
                  [this] {
                    if (clients_ > 0 || role_.busy()) return arm_idle();
                    if (context_.tell_parent) context_.tell_parent({"idle", {}}, {});
                    begin_drain();
                  }),
      stop_timer_(context.loop, [this] { context_.loop.stop(); }),
      end_timer_(context.loop, [this] { check_end(); }) {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  // A client may need three descriptors (itself, a peer, a file); some stay for the process.
  auto most = static_cast<unsigned>(std::min<rlim_t>(files.rlim_cur, 1 << 20)) / 3;
  if (limits_.clients == 0) limits_.clients = std::max(most, 10u);
  context_.client_limit = limits_.clients;
  clients_max_ = context_.hello.number("clients_max");
  if (!tally) return;
  auto joined = Tally::join(std::move(tally), context_.hello.number("cell"));
  if (joined) tally_ = std::move(*joined);
  else context_.log.error("{}", joined.error().text);
}

int Runner::run() {
  ::signal(SIGPIPE, SIG_IGN);
  net::Signal term(context_.loop, SIGTERM, [this] { stop_now(); });
  net::Signal interrupt(context_.loop, SIGINT, [this] { stop_now(); });
  net::Signal hangup(context_.loop, SIGHUP, [] {});
  parent_ = std::make_shared<net::Channel>(context_.loop, base::Fd(::fcntl(kControlFd, F_DUPFD_CLOEXEC, 3)));
  ::close(kControlFd);
  context_.tell_parent = [channel = parent_](const ControlMessage& message, const std::vector<int>& fds) {
    (void)net::try_send_message(channel->fd(), message.encode(), fds);
  };
  role_.start(context_);
  open_doors();
  // Before the first job: what waits in the channel already runs at once, and may answer.
  context_.tell_parent({"ready", {}}, {});
  net::spawn(obey_parent(), context_.log);
  if (context_.hello.number("wakeup")) role_.trigger(context_, "W");
  arm_idle();
  context_.loop.run();
  return status_;
}

int Runner::run_one(base::Fd fd) {
  ::signal(SIGPIPE, SIG_IGN);
  role_.start(context_);
  SockAddr peer = net::peer_of(fd.get());
  net::run_until_done(context_.loop, role_.serve(context_, Client{std::move(fd), peer, "", false}));
  return status_;
}

void Runner::open_doors() {
  for (int i = 0;; ++i) {
    auto label = context_.hello.fields.find(format("listener.{}", i));
    if (label == context_.hello.fields.end()) return;
    int fd = kFirstListenerFd + i;
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    struct stat st {};
    int type = 0;
    socklen_t length = sizeof type;
    bool datagrams = getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_DGRAM;
    if (datagrams || (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode))) {
      net::spawn(read_fifo(fd), context_.log);
      continue;
    }
    auto [name, flags] = base::cut(label->second, ' ');
    doors_.push_back({std::make_unique<net::Listener>(context_.loop, base::Fd(fd)), std::string(name), flags == "ssl"});
    net::spawn(accept_clients(doors_.back()), context_.log);
  }
}

bool Runner::full() const { return clients_ >= limits_.clients || (limits_.uses > 0 && served_ >= limits_.uses); }

Task<> Runner::accept_clients(Door& door) {
  // Closed as soon as accepting ends: a client must not wait in the backlog of a process that is going.
  struct Close {
    Door& door;
    ~Close() { door.listener.reset(); }
  } close{door};
  while (!draining_) {
    if (full() || waiting_ > 0) {  // who waits for a place waits in the listener's queue, but for one
      co_await room_.wait();
      continue;
    }
    auto accepted = co_await door.listener->accept(context_.loop);
    ++clients_;
    ++served_;
    Client client{std::move(accepted.fd), accepted.peer, door.label, door.ssl};
    net::spawn(serve_client(std::move(client)), context_.log);
    if (limits_.uses > 0 && served_ >= limits_.uses) {
      tell_load();
      begin_drain();
    } else if (full()) {
      tell_load();
    }
  }
}

// The client is accepted but not served before one of the service's others has gone, wherever that one was.
Task<> Runner::wait_for_place() {
  if (!tally_ || tally_->enter(clients_max_)) co_return;
  ControlMessage limit{"limit", {}};
  if (role_.make_room()) limit.fields["made_room"] = "1";
  context_.tell_parent(limit, {});
  ++waiting_;
  do {
    auto pause = std::chrono::milliseconds(10 + base::random_below(40));
    co_await context_.loop.sleep(pause);
  } while (!tally_->enter(clients_max_));
  --waiting_;
  room_.set_all();
}

Task<> Runner::serve_client(Client client) {
  struct Leave {
    Runner& runner;
    bool counted = false;
    ~Leave() {
      if (counted && runner.tally_) runner.tally_->leave();
      runner.session_ended();
    }
  } leave{*this};
  co_await wait_for_place();
  leave.counted = true;
  if (role_.wants_triggers()) co_await read_triggers(std::move(client));
  else co_await role_.serve(context_, std::move(client));
}

// A visitor of a trigger socket writes a few bytes and goes, or stays until he has been silent for ten seconds.
Task<> Runner::read_triggers(Client client) {
  net::Conn conn(context_.loop, std::move(client.fd));
  conn.set_timeout(std::chrono::seconds(10));
  struct Visit {
    std::set<net::Conn*>& all;
    net::Conn* conn;
    ~Visit() { all.erase(conn); }
  };
  visitors_.insert(&conn);
  Visit visit{visitors_, &conn};
  for (;;) {
    auto bytes = co_await conn.peek();
    role_.trigger(context_, bytes);
    conn.consume(bytes.size());
  }
}

Task<> Runner::read_fifo(int fd) {
  base::Fd owned(fd);
  net::Watch watch(context_.loop, fd);
  while (!draining_) {
    static thread_local std::array<char, 8192> bytes;  // more than a datagram of a log line
    ssize_t n = ::read(fd, bytes.data(), bytes.size());
    if (n > 0) {
      role_.trigger(context_, std::string_view(bytes.data(), static_cast<size_t>(n)));
      continue;
    }
    watch.not_readable();
    co_await watch.readable(std::nullopt);
  }
}

Task<> Runner::obey_parent() {
  try {
    for (;;) {
      auto message = co_await parent_->receive();
      obey(ControlMessage::decode(message.bytes), std::move(message.fds));
    }
  } catch (const IoError&) {
    begin_drain();  // the parent died: nobody may believe that this service still listens
  }
}

void Runner::obey(const ControlMessage& message, std::vector<base::Fd> fds) {
  if (message.verb == "drain") return begin_drain();
  if (message.verb == "stop") return stop_now();
  if (message.verb == "wakeup") return role_.trigger(context_, "W");
  if (message.verb == "make_room") {
    if (!role_.make_room()) context_.tell_parent({"no_room", {}}, {});
    return;
  }
  if (message.verb == "tickets" && fds.size() == 1) {
    if (context_.tickets && !read_tickets(fds[0].get(), *context_.tickets)) context_.log.error("new ticket keys are damaged");
    return;
  }
  role_.control(context_, message, std::move(fds));
}

void Runner::begin_drain() {
  if (draining_) return check_end();
  draining_ = true;
  for (auto& door : doors_) {
    if (door.listener) door.listener->stop();
  }
  room_.set_all();
  for (auto* conn : visitors_) conn->cancel();
  role_.drain(context_);
  check_end();
}

void Runner::stop_now() {
  role_.stop(context_);
  begin_drain();
  // Sessions get this long to say goodbye; no acknowledged message is in danger (250 comes after fsync).
  stop_timer_.start(std::chrono::milliseconds(1500));
}

void Runner::tell_load() {
  if (context_.tell_parent) context_.tell_parent({full() ? "full" : "room", {}}, {});
}

void Runner::session_ended() {
  bool was_full = full();
  --clients_;
  if (was_full && !full()) tell_load();
  room_.set_all();
  if (clients_ == 0) arm_idle();
  check_end();
}

void Runner::check_end() {
  if (!draining_ || clients_ > 0) return;
  // Work without a client says nothing at its end: it is asked again.
  if (role_.busy()) return end_timer_.start(std::chrono::milliseconds(200));
  context_.loop.stop();
}

void Runner::arm_idle() {
  if (limits_.idle && !draining_) idle_timer_.start(*limits_.idle);
}

}  // namespace dovetail::service
