// memcache:FILE, what a memcached server remembers, with a persistent table behind it (backup): what only that one knows
// is put into the cache. A cache that is away makes nothing temporary as long as there is a backup.
// Manual: memcache_table(5).
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include "common/base/text.h"
#include "lookup/remote/replies.h"
#include "lookup/remote/server.h"
#include "lookup/sql/query.h"
#include "lookup/types.h"

namespace dovetail::lookup {
namespace {

constexpr std::string_view kCacheTryAgain = "Resource temporarily unavailable";

struct MemcacheSettings {
  SqlQuery query;  // key_format and domain
  int flags = 0, ttl = 3600;
  size_t data_size_limit = 10240, line_size_limit = 1024;
  int max_try = 2;
  base::Seconds retry_pause{1};
};

class MemcacheTable final : public Table {
 public:
  MemcacheTable(net::Loop& loop, std::string table, MemcacheSettings settings,
                RemoteServer::Options server, std::unique_ptr<Table> backup, const Logger& log)
      : Table(std::move(table), Keys::fixed),
        loop_(loop),
        settings_(std::move(settings)),
        backup_(std::move(backup)),
        server_(loop, std::move(server), log) {}

  Task<Result<Found>> lookup(std::string_view key) override {
    auto wanted = co_await settings_.query.wants(key);
    if (!wanted) co_return wanted.error();
    if (!*wanted) co_return Found();
    auto stored = settings_.query.query.expand(key, nullptr, {});
    if (!stored || !is_memcache_key(*stored)) co_return Found();
    auto command = format("get {}\r\n", *stored);
    auto cached = co_await ask(std::move(command), false);
    if (cached && *cached) co_return std::move(*cached);
    if (!backup_) co_return std::move(cached);
    auto found = co_await backup_->lookup(key);
    bool remember = cached && found && *found && (*found)->size() <= settings_.data_size_limit;
    if (remember) {
      auto store = format("set {} {} {} {}\r\n{}\r\n", *stored, settings_.flags, settings_.ttl,
                          (*found)->size(), **found);
      auto kept = co_await ask(std::move(store), true);
      (void)kept;  // a cache that does not take it has been reported
    }
    co_return std::move(found);
  }

  bool changed() const override { return Table::changed() || (backup_ && backup_->changed()); }

 private:
  // One command, tried max_try times. storing: nothing is found.
  Task<Result<Found>> ask(std::string command, bool storing) {
    co_await server_.wait_for_place();
    RemoteServer::Place place(server_);
    auto probe = co_await server_.wait_for_probe();
    if (probe && server_.just_failed()) {
      server_.outage().unanswered();
      co_return temporary(std::string(kCacheTryAgain));
    }
    Error last = temporary(std::string(kCacheTryAgain));
    for (int attempt = 1; attempt <= settings_.max_try; ++attempt) {
      if (attempt > 1) co_await loop_.sleep(settings_.retry_pause);
      auto session = co_await server_.open();
      if (!session) {
        last = session.error();
        break;
      }
      std::string problem;
      try {
        auto found = co_await converse(*session->conn, command, storing);
        if (found) {
          server_.keep(std::move(*session));
          server_.outage().answered(name());
          co_return std::move(*found);
        }
        problem = found.error().text;
        last = temporary(std::string(kCacheTryAgain));
      } catch (const IoError& error) {
        if (error.why == IoError::cancelled) throw;
        bool late = error.why == IoError::timeout;
        last = temporary(late ? "Connection timed out" : "Connection reset by peer");
        problem = format("database {}: I/O error: {}", name(), last.text);
      }
      // The first failure may be a connection that was closed meanwhile.
      if (attempt > 1) server_.outage().failed(problem);
    }
    server_.outage().unanswered();
    co_return last;
  }

  Task<Result<Found>> converse(Conn& conn, const std::string& command, bool storing) {
    conn.put(command);
    co_await conn.flush();
    auto line = co_await conn.read_line(settings_.line_size_limit);
    if (line.too_long) co_return temporary(format("database {}: I/O error: line too long", name()));
    if (storing) {
      if (line.text == "STORED") co_return Found();
      co_return unexpected(line.text);
    }
    auto header = parse_memcache_header(line.text, settings_.data_size_limit);
    if (header.kind == MemcacheHeader::Kind::end) co_return Found();
    if (header.kind == MemcacheHeader::Kind::other) co_return unexpected(line.text);
    std::string value;
    bool whole = true;
    try {
      value = co_await conn.read_bytes(header.bytes + 2);
      auto end = co_await conn.read_line(settings_.line_size_limit);
      whole = value.ends_with("\r\n") && end.text == "END" && !end.too_long;
    } catch (const IoError& error) {
      if (error.why == IoError::cancelled) throw;
      whole = false;
    }
    if (!whole)
      co_return temporary(format("{}: EOF receiving memcache server reply", settings_.query.owner));
    value.resize(header.bytes);
    co_return Found(std::move(value));
  }

  Error unexpected(std::string_view line) const {
    return temporary(format("{}: unexpected memcache server reply: {}", settings_.query.owner,
                            base::printable(line)));
  }

  net::Loop& loop_;
  MemcacheSettings settings_;
  std::unique_ptr<Table> backup_;
  RemoteServer server_;
};

Result<MemcacheSettings> read_memcache_settings(const OpenContext& context,
                                                const conf::TableCf& cf) {
  MemcacheSettings settings;
  settings.query.owner = cf.name();
  auto key_format = SqlTemplate::parse(cf.name(), "query", cf.get("key_format", "%s"));
  if (!key_format) return key_format.error();
  settings.query.query = std::move(*key_format);
  if (auto domains = settings.query.read_domain(context, cf); !domains) return domains.error();
  int data_limit = 10240, line_limit = 1024, pause = 1;
  struct Number {
    const char* parameter;
    int& value;
    int min;
  };
  // clang-format off
  Number numbers[] = {
      {"flags",           settings.flags,   0},
      {"ttl",             settings.ttl,     0},
      {"data_size_limit", data_limit,       1},
      {"line_size_limit", line_limit,       1},
      {"max_try",         settings.max_try, 1},
      {"retry_pause",     pause,            1},
  };
  // clang-format on
  for (auto& number : numbers) {
    auto value = cf.get_int(number.parameter, number.value, number.min, 0);
    if (!value) return config_error(value.error().text);
    number.value = *value;
  }
  settings.data_size_limit = static_cast<size_t>(data_limit);
  settings.line_size_limit = static_cast<size_t>(line_limit);
  settings.retry_pause = base::Seconds(pause);
  return settings;
}

}  // namespace

Opened open_memcache(const OpenContext& context, std::string_view type, const std::string& name) {
  auto cf = open_table_cf(context, type, name);
  if (!cf) return cf.error();
  auto settings = read_memcache_settings(context, *cf);
  if (!settings) return settings.error();
  RemoteServer::Options server;
  auto endpoint = Endpoint::parse(cf->get("memcache", "inet:localhost:11211"));
  if (!endpoint) return endpoint.error();
  server.endpoint = std::move(*endpoint);
  auto timeout = cf->get_int("timeout", 2, 1, 0);
  if (!timeout) return config_error(timeout.error().text);
  server.timeout = base::Seconds(*timeout);
  server.connections = std::max(1u, context.options.connections);
  server.every_failure = context.options.command;
  server.resolver = context.options.resolver;
  std::unique_ptr<Table> backup;
  if (auto persistent = cf->get("backup"); !persistent.empty()) {
    auto opened = open_table(context.loop, context.main_cf, persistent, context.options);
    if (!opened) return opened.error();
    backup = std::move(*opened);
  }
  return std::unique_ptr<Table>(std::make_unique<MemcacheTable>(
      context.loop, format("{}:{}", type, name), std::move(*settings), std::move(server),
      std::move(backup), context.options.log));
}

}  // namespace dovetail::lookup
