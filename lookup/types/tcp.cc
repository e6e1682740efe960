// tcp:host:port, a line protocol: "get KEY" and a status code, keys and results in %XX form. A server that is away is
// tried ten times, a second apart, as by the incumbent; while it is known to be away, once. Manual: tcp_table(5).
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "common/base/text.h"
#include "lookup/remote/replies.h"
#include "lookup/remote/server.h"
#include "lookup/types.h"

namespace dovetail::lookup {
namespace {

constexpr int kTcpTries = 10;
constexpr base::Milliseconds kTcpPause{1000};
constexpr size_t kTcpLine = 4096;  // the protocol's own limit, tcp_table(5)
constexpr std::string_view kTcpTryAgain = "Resource temporarily unavailable";

class TcpTable final : public Table {
 public:
  TcpTable(net::Loop& loop, std::string table, RemoteServer::Options server, const Logger& log)
      : Table(std::move(table), Keys::pattern),
        loop_(loop),
        server_(loop, std::move(server), log) {}

  Task<Result<Found>> lookup(std::string_view key) override {
    co_await server_.wait_for_place();
    RemoteServer::Place place(server_);
    auto probe = co_await server_.wait_for_probe();
    if (probe && server_.just_failed()) {
      server_.outage().unanswered();
      co_return temporary(std::string(kTcpTryAgain));
    }
    auto line = co_await exchange(key);
    if (!line) {
      server_.outage().unanswered();
      co_return line.error();
    }
    co_return judge(*line);
  }

 private:
  Task<Result<std::string>> exchange(std::string_view key) {
    bool away = server_.outage().ongoing() && !server_.outage().every();
    int tries = away ? 1 : kTcpTries;
    Error last;
    for (int attempt = 1; attempt <= tries; ++attempt) {
      if (attempt > 1) co_await loop_.sleep(kTcpPause);
      auto session = co_await server_.open();
      if (!session) {
        last = session.error();
        continue;
      }
      std::string problem;
      try {
        auto line = co_await ask(*session->conn, key);
        if (line) {
          server_.keep(std::move(*session));
          co_return std::move(*line);
        }
        problem = line.error().text;
      } catch (const IoError& error) {
        if (error.why == IoError::cancelled) throw;
        bool late = error.why == IoError::timeout;
        last = temporary(late ? "Connection timed out" : "Connection reset by peer");
        problem = format("unexpected EOF ({})", last.text);
      }
      server_.outage().failed(
          format("read TCP map reply from {}: {}", server_.endpoint().where, problem));
    }
    co_return last.text.empty() ? temporary(std::string(kTcpTryAgain)) : last;
  }

  Task<Result<std::string>> ask(Conn& conn, std::string_view key) {
    conn.put("get ");
    conn.put(tcp_encode(key));
    conn.put("\n");
    co_await conn.flush();
    auto line = co_await conn.read_line(kTcpLine);
    if (line.too_long) co_return temporary(format("text longer than {}", kTcpLine));
    std::string text(line.text);
    if (!line.bare_lf) text += '\r';  // lines of this protocol end with LF alone
    co_return text;
  }

  Result<Found> judge(const std::string& line) {
    using Status = TcpReply::Status;
    auto reply = parse_tcp_reply(line);
    bool wrong = reply.status == Status::bad_code || reply.status == Status::malformed;
    if (!wrong) server_.outage().answered(name());
    if (reply.status == Status::found) return Found(std::move(reply.text));
    if (reply.status == Status::not_found) return Found();
    if (wrong) {
      auto what = reply.status == Status::bad_code ? "bad status code" : "malformed reply";
      server_.outage().failed(format("read TCP map reply from {}: {}: {}", server_.endpoint().where,
                                     what, base::printable(line)));
      server_.outage().unanswered();
    }
    return temporary(std::string(kTcpTryAgain));
  }

  net::Loop& loop_;
  RemoteServer server_;
};

}  // namespace

Opened open_tcp(const OpenContext& context, std::string_view type, const std::string& name) {
  RemoteServer::Options server;
  auto endpoint = Endpoint::parse_inet(name);
  if (!endpoint) return endpoint.error();
  server.endpoint = std::move(*endpoint);
  server.connecting = "connect to TCP map";
  server.connections = std::max(1u, context.options.connections);
  server.every_failure = context.options.command;
  server.resolver = context.options.resolver;
  return std::unique_ptr<Table>(std::make_unique<TcpTable>(
      context.loop, format("{}:{}", type, name), std::move(server), context.options.log));
}

}  // namespace dovetail::lookup
