// SPDX-License-Identifier: Apache-2.0
#include "lookup/sql/mysql_servers.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/base/random.h"
#include "common/base/text.h"

namespace dovetail::lookup {
namespace {

// Questions that come right behind a failure share its answer: a storm of mail must not become one of connections.
constexpr base::Milliseconds kFailurePause{100};
constexpr base::Milliseconds kRested{100};

}  // namespace

struct MysqlServers::Host {
  std::string given;  // as in "hosts =", for messages
  std::string name;   // empty with a socket
  std::string socket_path;
  unsigned port = 0;
  bool down = false;
  base::Milliseconds failed_at{0};
  base::Milliseconds reported_at{0};
  std::string reported;
  std::vector<std::unique_ptr<MysqlConnection>> idle;

  explicit Host(const std::string& text) : given(text) {
    std::string_view rest = text;
    bool socket = rest.starts_with("unix:") || rest.starts_with("/");
    if (rest.starts_with("unix:") || rest.starts_with("inet:")) rest.remove_prefix(5);
    if (socket) {
      socket_path = rest;
      return;
    }
    auto [host, number] = base::cut_last(rest, ':');
    auto parsed = number ? base::parse_number<uint16_t>(*number) : std::nullopt;
    bool ipv6 = number && host.find(':') != std::string_view::npos && !host.starts_with('[');
    if (parsed && !ipv6) port = *parsed;
    name = parsed && !ipv6 ? host : rest;
    if (name.size() > 2 && name.front() == '[' && name.back() == ']')
      name = name.substr(1, name.size() - 2);
  }
};

// Counts a question that has a connection in use, however it ends.
struct MysqlServers::Lease {
  MysqlServers& servers;
  explicit Lease(MysqlServers& owner) : servers(owner) { ++servers.busy_; }
  Lease(const Lease&) = delete;
  ~Lease() {
    --servers.busy_;
    servers.free_.set();
  }
};

MysqlServers::MysqlServers(net::Loop& loop, std::string table, Options options,
                           std::shared_ptr<net::Resolver> resolver, const Logger& log)
    : loop_(loop),
      table_(std::move(table)),
      options_(std::move(options)),
      resolver_(std::move(resolver)),
      log_(log),
      free_(loop),
      idle_timer_(loop, [this] { close_idle(); }) {
  for (auto& host : options_.hosts) hosts_.push_back(std::make_unique<Host>(host));
}

MysqlServers::~MysqlServers() = default;

std::vector<MysqlServers::Host*> MysqlServers::candidates() {
  auto now = base::monotonic_now();
  std::vector<Host*> usable, others;
  for (auto& host : hosts_) {
    bool usable_again = !host->down || now - host->failed_at >= options_.retry_interval;
    (usable_again ? usable : others).push_back(host.get());
  }
  for (size_t at = usable.size(); at > 1; --at) {
    std::swap(usable[at - 1], usable[base::random_below(static_cast<uint32_t>(at))]);
  }
  std::stable_sort(usable.begin(), usable.end(), [](const Host* a, const Host* b) {
    bool a_idle = !a->idle.empty(), b_idle = !b->idle.empty();
    if (a_idle != b_idle) return a_idle;
    return !a->socket_path.empty() && b->socket_path.empty();
  });
  usable.insert(usable.end(), others.begin(), others.end());
  return usable;
}

void MysqlServers::failed(Host& host, std::string_view doing, const Error& error,
                          int error_number) {
  auto now = base::monotonic_now();
  host.failed_at = now;
  last_error_ = error_number;
  bool repeated =
      host.down && host.reported == error.text && now - host.reported_at < options_.retry_interval;
  host.down = true;
  if (repeated) return;
  host.reported_at = now;
  host.reported = error.text;
  log_.warning("{}: {}", doing, error.text);
}

void MysqlServers::close_idle() {
  auto oldest = base::monotonic_now() - options_.idle_interval;
  bool any = false;
  for (auto& host : hosts_) {
    std::erase_if(host->idle, [&](auto& connection) { return connection->idle_since <= oldest; });
    any = any || !host->idle.empty();
  }
  if (any) idle_timer_.start(options_.idle_interval);
}

Task<Result<std::unique_ptr<MysqlConnection>>> MysqlServers::connect(Host& host) {
  std::vector<std::string> names{host.name};
  // The library's own resolver would block the loop. With a certificate to verify it needs the name itself.
  bool resolve = resolver_ && host.socket_path.empty() && host.name != "localhost" &&
                 !SockAddr::ip(host.name, 0) && !options_.settings.tls_verify_cert;
  if (resolve) {
    auto answer = co_await resolver_->host_addresses(host.name, true, true);
    names.clear();
    for (auto& address : answer.records) names.push_back(address.host());
    if (names.empty()) {
      failed(host, format("connect to mysql server {}", host.given), temporary(answer.error),
             EAGAIN);
      co_return temporary(answer.error);
    }
  }
  Error last;
  int error_number = EAGAIN;
  for (auto& name : names) {
    auto connection = std::make_unique<MysqlConnection>(loop_);
    auto connected =
        co_await connection->connect(options_.settings, name, host.socket_path, host.port);
    if (connected) co_return std::move(connection);
    last = connected.error();
    error_number = connection->error_number();
  }
  failed(host, format("connect to mysql server {}", host.given), last, error_number);
  co_return last;
}

Task<Result<MysqlValues>> MysqlServers::run_on(Host& host, const MakeQuery& make_query) {
  for (;;) {
    std::unique_ptr<MysqlConnection> connection;
    while (!connection && !host.idle.empty()) {
      connection = std::move(host.idle.back());
      host.idle.pop_back();
      // One that answered just now is not asked whether it is still there; should it be gone, the query is repeated.
      bool rested = base::monotonic_now() - connection->idle_since >= kRested;
      if (rested && connection->closed_by_server()) connection.reset();
    }
    if (!connection) {
      bool just_failed = host.down && base::monotonic_now() - host.failed_at < kFailurePause;
      if (just_failed) co_return temporary(host.reported);
      auto connected = co_await connect(host);
      if (!connected) co_return connected.error();
      connection = std::move(*connected);
    }
    bool reused = !connection->fresh;
    auto text = make_query(*connection);
    auto values = co_await connection->query(std::move(text));
    // A server that restarted has closed what was idle: that is no failure of the server.
    if (!values && connection->lost() && reused) continue;
    if (!values) {
      failed(host, format("{}: query failed", table_), values.error(), connection->error_number());
    }
    if (!connection->lost()) {
      if (values) host.down = false;
      connection->idle_since = base::monotonic_now();
      host.idle.push_back(std::move(connection));
      idle_timer_.start(options_.idle_interval);
    }
    co_return values;
  }
}

Task<Result<MysqlValues>> MysqlServers::run(const MakeQuery& make_query) {
  while (busy_ >= options_.connections) co_await free_.wait();
  Lease lease(*this);
  for (Host* host : candidates()) {
    auto values = co_await run_on(*host, make_query);
    if (values) co_return values;
  }
  co_return temporary(strerror(last_error_ ? last_error_ : EAGAIN));
}

}  // namespace dovetail::lookup
