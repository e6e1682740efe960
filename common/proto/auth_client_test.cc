// Both clients against a scripted server that sends its answers whole, in pieces and all at once.
// SPDX-License-Identifier: Apache-2.0
#include "common/proto/auth_client.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/base/text.h"
#include "common/net/conn.h"
#include "common/net/listen.h"
#include "common/proto/auth_master.h"
#include "tests/catch.h"

namespace dovetail::proto {
namespace {

const std::string kHello =
    "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tDIGEST-MD5\tdictionary\tactive\tmutual-auth\n"
    "MECH\tLOGIN\tplaintext\tprivate\nSPID\t77\nCUID\t1\nCOOKIE\tabcdef\nDONE\n";

// One step of a script: wait for this many lines, then say this ("" and hang up when `bye`).
struct Step {
  size_t lines = 0;
  std::string say;
  bool bye = false;
};

struct FakeServer {
  explicit FakeServer(net::Loop& the_loop) : loop(the_loop) {
    char name[] = "/tmp/authlinkXXXXXX";
    directory = mkdtemp(name);
    path = directory + "/auth";
    auto fd = net::listen_unix(path, 0600, 5);
    REQUIRE(fd);
    listener = std::make_unique<net::Listener>(loop, std::move(*fd));
  }
  ~FakeServer() {
    ::unlink(path.c_str());
    ::rmdir(directory.c_str());
  }
  net::Loop& loop;
  std::string directory, path;
  std::unique_ptr<net::Listener> listener;
  std::vector<std::string> seen;
  size_t piece = std::string::npos;  // how much is sent at once
};

net::Task<> say(FakeServer& server, net::Conn& conn, std::string text) {
  for (size_t at = 0; at < text.size(); at += std::min(server.piece, text.size() - at)) {
    conn.put(std::string_view(text).substr(at, server.piece));
    co_await conn.flush();
    co_await server.loop.yield();
  }
}

net::Task<> play(FakeServer& server, std::vector<std::vector<Step>> connections) {
  for (const auto& steps : connections) {
    auto accepted = co_await server.listener->accept(server.loop);
    net::Conn conn(server.loop, std::move(accepted.fd));
    for (const auto& step : steps) {
      for (size_t i = 0; i < step.lines; ++i) {
        auto line = co_await conn.read_line(1000);
        server.seen.emplace_back(line.text);
      }
      co_await say(server, conn, step.say);
    }
    if (steps.back().bye) continue;
    try {
      co_await conn.fill();
    } catch (const IoError&) {
      continue;  // the client has closed, as each script ends
    }
  }
}

AuthRequest plain_request(std::string_view response) {
  AuthRequest request;
  request.mechanism = "plain";
  request.service = "smtp";
  request.nologin = true;
  request.remote_ip = "192.0.2.1";
  request.initial_response = Secret(response);
  return request;
}

net::Task<> ask_plain(AuthClient& client, std::string response, AuthReply& reply) {
  AuthExchange exchange(client);
  auto request = plain_request(response);
  reply = co_await exchange.start(std::move(request));
}

net::Task<> finish(AuthClient& client) {
  client.close();
  co_return;
}

void run_all(net::Loop& loop, std::vector<net::Task<>> tasks) {
  net::run_until_done(loop, net::when_all(loop, std::move(tasks)));
}

net::Task<> two_steps(AuthClient& client, std::vector<AuthReply>& replies) {
  auto mechs = co_await client.mechanisms(base::Milliseconds(5000));
  REQUIRE(mechs);
  CHECK(mechs->size() == 3);
  CHECK((*mechs)[1].mutual_auth);
  CHECK((*mechs)[2].hidden);
  AuthExchange exchange(client);
  auto request = plain_request("");
  request.initial_response.reset();
  request.nologin = false;
  request.secured = request.tls = true;
  auto first = co_await exchange.start(std::move(request));
  replies.push_back(first);
  Secret response("AGEAYg==");
  auto second = co_await exchange.answer(std::move(response));
  replies.push_back(second);
  co_await finish(client);
}

TEST_CASE("a dialogue with the auth server, in one piece and byte by byte") {
  for (size_t piece : {std::string::npos, size_t{1}, size_t{7}}) {
    INFO(piece);
    net::Loop loop;
    FakeServer server(loop);
    server.piece = piece;
    AuthClient client(loop, server.path, Logger("test"));
    std::vector<AuthReply> replies;
    std::vector<net::Task<>> tasks;
    tasks.push_back(play(server, {{{2, kHello},
                                   {1, "CONT\t1\t\n"},
                                   {1, "OK\t1\tuser=f\001tx\t\tnologin\treason=no way\n"}}}));
    tasks.push_back(two_steps(client, replies));
    run_all(loop, std::move(tasks));
    REQUIRE(replies.size() == 2);
    CHECK(replies[0].status == AuthReply::cont);
    CHECK(replies[0].challenge.empty());
    CHECK(replies[1].status == AuthReply::ok);
    CHECK(replies[1].user == "f\tx");
    CHECK(replies[1].fields.has("nologin"));
    CHECK(replies[1].reason() == "no way");
    CHECK(replies[1].handover.cookie == "abcdef");
    CHECK(replies[1].handover.request_id == 1);
    CHECK(replies[1].handover.server_pid == 77);
    CHECK(server.seen[0] == "VERSION\t1\t2");
    CHECK(server.seen[1] == format("CPID\t{}", getpid()));
    CHECK(server.seen[2] == "AUTH\t1\tPLAIN\tservice=smtp\tsecured=tls\trip=192.0.2.1");
    CHECK(server.seen[3] == "CONT\t1\tAGEAYg==");
  }
}

net::Task<> many(net::Loop& loop, AuthClient& client, std::vector<AuthReply>& replies) {
  std::vector<net::Task<>> asked;
  for (size_t i = 0; i < replies.size(); ++i) {
    asked.push_back(ask_plain(client, format("r{}", i), replies[i]));
  }
  co_await net::when_all(loop, std::move(asked));
  client.close();
}

TEST_CASE("requests share one connection and are answered in any order") {
  net::Loop loop;
  FakeServer server(loop);
  AuthClient client(loop, server.path, Logger("test"));
  std::vector<AuthReply> replies(3);
  std::vector<net::Task<>> tasks;
  tasks.push_back(play(
      server,
      {{{2, kHello}, {3, "OK\t3\tuser=c\nFAIL\t1\tuser=a\tcode=temp_fail\nOK\t2\tuser=b\n"}}}));
  tasks.push_back(many(loop, client, replies));
  run_all(loop, std::move(tasks));
  CHECK(replies[0].status == AuthReply::fail);
  CHECK(replies[0].temporary());
  CHECK(replies[1].user == "b");
  CHECK(replies[2].user == "c");
  CHECK(server.seen[2] == "AUTH\t1\tPLAIN\tservice=smtp\tnologin\trip=192.0.2.1\tresp=r0");
}

net::Task<> lost_then_found(AuthClient& client, std::vector<AuthReply>& replies) {
  for (auto& reply : replies) {
    co_await ask_plain(client, "x", reply);
  }
  client.close();
}

TEST_CASE("a server that goes away is unavailable, and asked again on a new connection") {
  net::Loop loop;
  FakeServer server(loop);
  AuthClient client(loop, server.path, Logger("test"));
  std::vector<AuthReply> replies(2);
  std::vector<net::Task<>> tasks;
  tasks.push_back(
      play(server, {{{2, kHello}, {1, "", true}}, {{2, kHello}, {1, "OK\t2\tuser=u\n"}}}));
  tasks.push_back(lost_then_found(client, replies));
  run_all(loop, std::move(tasks));
  CHECK(replies[0].status == AuthReply::unavailable);
  CHECK(replies[0].temporary());
  CHECK(replies[1].status == AuthReply::ok);
}

TEST_CASE("no server: unavailable, with the reason") {
  net::Loop loop;
  AuthClient client(loop, "/nonexistent/auth", Logger("test"));
  AuthReply reply;
  net::run_until_done(loop, ask_plain(client, "x", reply));
  CHECK(reply.status == AuthReply::unavailable);
  CHECK(reply.error == "connect(/nonexistent/auth) failed: No such file or directory");
}

net::Task<> refuse_locally(AuthClient& client, std::vector<AuthReply>& replies) {
  {
    AuthExchange exchange(client);
    auto request = plain_request("x");
    request.mechanism = "CRAM-MD5";
    auto reply = co_await exchange.start(std::move(request));
    replies.push_back(reply);
  }
  {
    AuthExchange exchange(client);
    auto request = plain_request("x\tsecured");
    auto reply = co_await exchange.start(std::move(request));
    replies.push_back(reply);
  }
  client.close();
}

TEST_CASE("what would make the server hang up never reaches it") {
  net::Loop loop;
  FakeServer server(loop);
  AuthClient client(loop, server.path, Logger("test"));
  std::vector<AuthReply> replies;
  std::vector<net::Task<>> tasks;
  tasks.push_back(play(server, {{{2, kHello}}}));
  tasks.push_back(refuse_locally(client, replies));
  run_all(loop, std::move(tasks));
  CHECK(replies[0].code() == "auth_mech_invalid");
  CHECK(replies[1].code() == "invalid_base64");
  CHECK(server.seen.size() == 2);
}

net::Task<> ask_master(AuthMaster& master) {
  AuthInfo info;
  info.service = "lmtp";
  auto found = co_await master.user("frank", info);
  REQUIRE(found);
  REQUIRE(*found);
  CHECK((**found).name == "frank@example.org");
  CHECK((**found).fields.get("uid") == "2000");
  auto missing = co_await master.user("nobody", info);
  REQUIRE(missing);
  CHECK(!*missing);
  auto broken = co_await master.user("down", info);
  REQUIRE(!broken);
  CHECK(broken.error().text == "db down");
  AuthHandover handover{55, 9, "c00c1e", 1};
  auto login = co_await master.request(handover, 123, true);
  REQUIRE(login);
  CHECK((**login).fields.get("auth_mech") == "PLAIN");
  auto users = co_await master.list("*", info);
  REQUIRE(users);
  CHECK(users->size() == 2);
  std::vector<std::string> nobody;
  auto flushed = co_await master.flush_cache(nobody);
  REQUIRE(flushed);
  CHECK(*flushed == 5);
  master.close();
}

TEST_CASE("the master side asks for users, logins, lists and the cache") {
  for (size_t piece : {std::string::npos, size_t{1}}) {
    net::Loop loop;
    FakeServer server(loop);
    server.piece = piece;
    AuthMaster master(loop, server.path, Logger("test"));
    std::vector<net::Task<>> tasks;
    tasks.push_back(play(server, {{{0, "VERSION\t1\t1\nSPID\t5\n"},
                                   {2, "USER\t1\tfrank@example.org\tuid=2000\t\thome=/v\n"},
                                   {1, "NOTFOUND\t2\n"},
                                   {1, "FAIL\t3\treason=db down\n"},
                                   {1, "USER\t4\tf\tauth_mech=PLAIN\tauth_token=ff\n"},
                                   {1, "LIST\t5\ta\nLIST\t5\tb\nDONE\t5\t\n"},
                                   {1, "OK\t6\t5\n"}}}));
    tasks.push_back(ask_master(master));
    run_all(loop, std::move(tasks));
    CHECK(server.seen[1] == "USER\t1\tfrank\tservice=lmtp");
    CHECK(server.seen[4] == "REQUEST\t4\t55\t9\tc00c1e\tsession_pid=123\trequest_auth_token");
    CHECK(server.seen[5] == "LIST\t5\tuser=*\tservice=lmtp");
  }
}

TEST_CASE("tab escaping goes both ways") {
  const std::string wild("a\0b\001c\td\re\nf", 11);
  CHECK(tab_escape(wild) == "a\0010b\0011c\001td\001re\001nf");
  CHECK(tab_unescape(tab_escape(wild)) == wild);
  CHECK(tab_unescape("x\001") == "x");
}

}  // namespace
}  // namespace dovetail::proto
