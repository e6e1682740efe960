// socketmap:inet:host:port:name and socketmap:unix:path:name, Sendmail's map protocol: netstrings over a kept connection.
// Keys are sent as they are and whole. Manual: socketmap_table(5).
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "common/base/text.h"
#include "conf/units.h"
#include "lookup/remote/replies.h"
#include "lookup/remote/server.h"
#include "lookup/types.h"

namespace dovetail::lookup {
namespace {

constexpr int kSocketmapTries = 2;
constexpr long kLargestReply = 1L << 30;
constexpr std::string_view kTryAgain = "Resource temporarily unavailable";

class SocketmapTable final : public Table {
 public:
  SocketmapTable(net::Loop& loop, std::string table, std::string map, RemoteServer::Options server,
                 size_t limit, const Logger& log)
      : Table(std::move(table), Keys::pattern),
        map_(std::move(map)),
        limit_(limit),
        refusals_(log, server.every_failure),
        server_(loop, std::move(server), log) {}

  Task<Result<Found>> lookup(std::string_view key) override {
    co_await server_.wait_for_place();
    RemoteServer::Place place(server_);
    auto probe = co_await server_.wait_for_probe();
    if (probe && server_.just_failed()) {
      server_.outage().unanswered();
      co_return temporary(std::string(kTryAgain));
    }
    auto reply = co_await exchange(key);
    if (!reply) {
      server_.outage().unanswered();
      co_return reply.error();
    }
    server_.outage().answered(name());
    co_return judge(*reply);
  }

 private:
  // The payload of the reply, asked once more if the connection was lost.
  Task<Result<std::string>> exchange(std::string_view key) {
    for (int attempt = 1;; ++attempt) {
      auto session = co_await server_.open();
      if (!session) {
        server_.outage().failed(format("table {} lookup error: {}", name(), session.error().text));
        co_return session.error();
      }
      std::string lost;
      std::optional<Result<std::string>> reply;
      try {
        auto payload = co_await ask(*session->conn, key);
        reply.emplace(std::move(payload));
      } catch (const IoError& error) {
        if (error.why == IoError::cancelled) throw;
        lost = error.why == IoError::timeout ? "time limit exceeded" : "unexpected disconnect";
      }
      if (reply && *reply) {
        server_.keep(std::move(*session));
        co_return std::move(*reply);
      }
      if (!reply && attempt < kSocketmapTries) continue;
      auto& why = reply ? reply->error().text : lost;
      server_.outage().failed(format("table {} lookup error: {}", name(), why));
      co_return temporary(reply ? std::string(kTryAgain) : "Connection reset by peer");
    }
  }

  Task<Result<std::string>> ask(Conn& conn, std::string_view key) {
    conn.put(netstring(format("{} {}", map_, key)));
    co_await conn.flush();
    for (;;) {
      auto parsed = parse_netstring(conn.buffered(), limit_);
      if (parsed && !*parsed) co_return parsed->error();
      if (parsed) {
        std::string payload((*parsed)->text);
        conn.consume((*parsed)->size);
        co_return payload;
      }
      co_await conn.fill();
    }
  }

  Result<Found> judge(const std::string& payload) {
    using Status = SocketmapReply::Status;
    auto reply = parse_socketmap_reply(payload);
    if (reply.status == Status::ok || reply.status == Status::not_found) {
      refusals_.answered(name());
      if (reply.status == Status::not_found) return Found();
      return Found(std::string(reply.text));
    }
    std::string_view kind = reply.status == Status::temporary   ? "temporary"
                            : reply.status == Status::timeout   ? "timeout"
                            : reply.status == Status::permanent ? "permanent"
                                                                : "unknown";
    refusals_.failed(
        format("{} socketmap server {} error: {}", name(), kind, base::printable(reply.text)));
    refusals_.unanswered();
    if (reply.status == Status::permanent)
      return config_error(format("table {}: query error", name()));
    return temporary(std::string(kTryAgain));
  }

  std::string map_;
  size_t limit_;
  Outage refusals_;
  RemoteServer server_;
};

}  // namespace

Opened open_socketmap(const OpenContext& context, std::string_view type, const std::string& name) {
  auto [service, map] = base::cut_last(name, ':');
  if (!map) return config_error("socketmap requires server:socketmap argument");
  RemoteServer::Options server;
  auto endpoint = Endpoint::parse(service);
  if (!endpoint) return endpoint.error();
  server.endpoint = std::move(*endpoint);
  server.connections = std::max(1u, context.options.connections);
  server.every_failure = context.options.command;
  server.resolver = context.options.resolver;
  auto limit = conf::parse_long(context.main_cf.get("socketmap_max_reply_size"));
  auto bytes = static_cast<size_t>(std::clamp(limit.value_or(100000), 1L, kLargestReply));
  return std::unique_ptr<Table>(
      std::make_unique<SocketmapTable>(context.loop, format("{}:{}", type, name), std::string(*map),
                                       std::move(server), bytes, context.options.log));
}

}  // namespace dovetail::lookup
