// SPDX-License-Identifier: Apache-2.0
#include "lookup/sql/servers.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/base/random.h"
#include "common/base/text.h"
#include "conf/units.h"

namespace dovetail::lookup {
namespace {

// Questions that come right behind a failure share its answer: a storm of mail must not become one of connections.
constexpr base::Milliseconds kFailurePause{100};
constexpr base::Milliseconds kRested{100};
constexpr int kLongestInterval = 1'000'000;

}  // namespace

SqlHost SqlHost::parse(const std::string& text) {
  SqlHost host;
  host.given = text;
  std::string_view rest = text;
  if (rest.starts_with("postgresql://") || rest.starts_with("postgres://")) {
    host.uri = true;
    host.name = text;
    return host;
  }
  bool socket = rest.starts_with("unix:") || rest.starts_with("/");
  if (rest.starts_with("unix:") || rest.starts_with("inet:")) rest.remove_prefix(5);
  if (socket) {
    host.socket_path = rest;
    return host;
  }
  auto [name, number] = base::cut_last(rest, ':');
  auto port = number ? base::parse_number<uint16_t>(*number) : std::nullopt;
  bool ipv6 = number && name.find(':') != std::string_view::npos && !name.starts_with('[');
  bool has_port = port && !ipv6;
  if (has_port) host.port = *port;
  host.name = has_port ? name : rest;
  if (host.name.size() > 2 && host.name.front() == '[' && host.name.back() == ']')
    host.name = host.name.substr(1, host.name.size() - 2);
  return host;
}

struct SqlServers::Host {
  SqlHost where;
  Outage outage;    // the server is away
  Outage refusals;  // it is there, and refuses queries
  net::AsyncMutex probe;
  std::vector<std::unique_ptr<SqlConnection>> idle;

  Host(net::Loop& loop, const std::string& text, const Logger& log, bool every)
      : where(SqlHost::parse(text)), outage(log, every), refusals(log, every), probe(loop) {}

  bool just_failed() const {
    return outage.ongoing() && base::monotonic_now() - outage.last_failure() < kFailurePause;
  }
};

// Counts a question that has a connection in use, however it ends.
struct SqlServers::Lease {
  SqlServers& servers;
  explicit Lease(SqlServers& owner) : servers(owner) { ++servers.busy_; }
  Lease(const Lease&) = delete;
  ~Lease() {
    --servers.busy_;
    servers.free_.set();
  }
};

SqlServers::SqlServers(net::Loop& loop, std::string table, Options options,
                       std::shared_ptr<net::Resolver> resolver, const Logger& log)
    : loop_(loop),
      table_(std::move(table)),
      options_(std::move(options)),
      resolver_(std::move(resolver)),
      log_(log),
      free_(loop),
      idle_timer_(loop, [this] { close_idle(); }) {
  for (auto& host : options_.hosts)
    hosts_.push_back(std::make_unique<Host>(loop, host, log, options_.every_failure));
}

SqlServers::~SqlServers() = default;

std::vector<SqlServers::Host*> SqlServers::candidates() {
  auto now = base::monotonic_now();
  std::vector<Host*> usable, others;
  for (auto& host : hosts_) {
    bool rested = now - host->outage.last_failure() >= options_.retry_interval;
    (!host->outage.ongoing() || rested ? usable : others).push_back(host.get());
  }
  for (size_t at = usable.size(); at > 1; --at) {
    std::swap(usable[at - 1], usable[base::random_below(static_cast<uint32_t>(at))]);
  }
  std::stable_sort(usable.begin(), usable.end(), [](const Host* a, const Host* b) {
    bool a_idle = !a->idle.empty(), b_idle = !b->idle.empty();
    if (a_idle != b_idle) return a_idle;
    return !a->where.socket_path.empty() && b->where.socket_path.empty();
  });
  usable.insert(usable.end(), others.begin(), others.end());
  return usable;
}

void SqlServers::away(Host& host, const std::string& doing, const Error& error, int error_number) {
  last_error_ = error_number;
  host.outage.failed(format("{}: {}", doing, error.text));
}

void SqlServers::close_idle() {
  auto oldest = base::monotonic_now() - options_.idle_interval;
  bool any = false;
  for (auto& host : hosts_) {
    std::erase_if(host->idle, [&](auto& connection) { return connection->idle_since <= oldest; });
    any = any || !host->idle.empty();
  }
  if (any) idle_timer_.start(options_.idle_interval);
}

Task<Result<std::unique_ptr<SqlConnection>>> SqlServers::connect(Host& host) {
  auto& where = host.where;
  std::vector<std::string> addresses{where.name};
  // The library's own resolver would block the loop.
  bool resolve = resolver_ && options_.resolve && !where.uri && where.socket_path.empty() &&
                 where.name != "localhost" && !SockAddr::ip(where.name, 0);
  if (resolve) {
    auto answer = co_await resolver_->host_addresses(where.name, true, true);
    addresses.clear();
    for (auto& address : answer.records) addresses.push_back(address.host());
    if (addresses.empty()) {
      auto error = temporary(answer.error);
      away(host, options_.connecting(where.given), error, EAGAIN);
      co_return error;
    }
  }
  Error last;
  int error_number = EAGAIN;
  for (auto& address : addresses) {
    auto connection = options_.connection();
    auto connected = co_await connection->connect(where, address);
    if (connected) co_return std::move(connection);
    last = connected.error();
    error_number = connection->error_number();
  }
  away(host, options_.connecting(where.given), last, error_number);
  co_return last;
}

// An idle connection that is still there, or a new one.
Task<Result<std::unique_ptr<SqlConnection>>> SqlServers::open(Host& host) {
  while (!host.idle.empty()) {
    auto connection = std::move(host.idle.back());
    host.idle.pop_back();
    // One that answered just now is not asked whether it is still there; should it be gone, the query is repeated.
    bool rested = base::monotonic_now() - connection->idle_since >= kRested;
    if (!rested || !connection->closed_by_server()) co_return std::move(connection);
  }
  if (host.just_failed()) co_return temporary("away");
  auto connection = co_await connect(host);
  co_return std::move(connection);
}

Task<Result<SqlValues>> SqlServers::run_on(Host& host, const MakeQuery& make_query) {
  std::optional<net::AsyncMutex::Guard> probe;
  if (host.outage.ongoing()) {
    auto locked = co_await host.probe.lock();
    if (host.outage.ongoing()) probe.emplace(std::move(locked));
  }
  for (;;) {
    auto opened = co_await open(host);
    if (!opened) co_return opened.error();
    auto connection = std::move(*opened);
    bool reused = !connection->fresh;
    auto text = make_query(*connection);
    Result<SqlValues> values = SqlValues();
    if (text) {
      auto answer = co_await connection->query(std::move(*text));
      values = std::move(answer);
    }
    // A server that restarted has closed what was idle: that is no failure of the server.
    if (!values && connection->lost() && reused) continue;
    auto doing = values ? std::string() : options_.querying(host.where.given);
    if (!values && connection->lost()) {
      away(host, doing, values.error(), connection->error_number());
      co_return values;
    }
    host.outage.answered(format("{}: server {}", table_, host.where.given));
    if (values)
      host.refusals.forget();
    else
      host.refusals.failed(format("{}: {}", doing, values.error().text));
    if (!values) last_error_ = connection->error_number();
    connection->fresh = false;
    connection->idle_since = base::monotonic_now();
    host.idle.push_back(std::move(connection));
    idle_timer_.start(options_.idle_interval);
    co_return values;
  }
}

Task<Result<SqlValues>> SqlServers::run(const MakeQuery& make_query) {
  while (busy_ >= options_.connections) co_await free_.wait();
  Lease lease(*this);
  for (Host* host : candidates()) {
    auto values = co_await run_on(*host, make_query);
    if (values) co_return values;
    host->outage.unanswered();
  }
  co_return temporary(strerror(last_error_ ? last_error_ : EAGAIN));
}

Result<SqlServers::Options> read_sql_servers(const OpenContext& context, const conf::TableCf& cf,
                                             std::string_view default_host) {
  SqlServers::Options options;
  options.hosts = conf::split_list(cf.get("hosts", default_host));
  if (options.hosts.empty()) options.hosts.emplace_back(default_host);
  options.connections = std::max(1u, context.options.connections);
  options.every_failure = context.options.command;
  auto idle = cf.get_int("idle_interval", 60, 1, kLongestInterval);
  if (!idle) return config_error(idle.error().text);
  options.idle_interval = base::Seconds(*idle);
  auto retry = cf.get_int("retry_interval", 60, 1, kLongestInterval);
  if (!retry) return config_error(retry.error().text);
  options.retry_interval = base::Seconds(*retry);
  return options;
}

}  // namespace dovetail::lookup
