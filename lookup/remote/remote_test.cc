// Replies of table servers, whole and in pieces; the tables that ask for them against a server on a socket that says what
// the test wants.
// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "common/base/text.h"
#include "common/net/conn.h"
#include "common/net/listen.h"
#include "lookup/remote/endpoint.h"
#include "lookup/remote/outage.h"
#include "lookup/remote/replies.h"
#include "lookup/test_tables.h"
#include "tests/catch.h"

using namespace dovetail;
using namespace dovetail::lookup;

namespace {

std::string netstring_outcome(std::string_view bytes, size_t limit) {
  auto parsed = parse_netstring(bytes, limit);
  if (!parsed) return "MORE";
  if (!*parsed) return "ERROR " + parsed->error().text;
  return format("{} {}", (*parsed)->text, (*parsed)->size);
}

// Accepts one client after the other; each gets the replies of its script, one for each block it sends, and is closed.
class ScriptedServer {
 public:
  using Script = std::vector<std::vector<std::string>>;

  explicit ScriptedServer(net::Loop& loop) : loop_(loop) {
    char name[] = "/tmp/dovetail-remote-XXXXXX";
    directory = mkdtemp(name);
    path = directory + "/s";
  }
  ScriptedServer(const ScriptedServer&) = delete;
  ~ScriptedServer() { std::filesystem::remove_all(directory); }

  void start(Script script) {
    auto fd = net::listen_unix(path, 0600, 5);
    REQUIRE(fd);
    listener_ = std::make_unique<net::Listener>(loop_, std::move(*fd));
    net::spawn(serve(std::move(script)), Logger("test"));
  }

  std::string directory, path;
  std::vector<std::string> heard;

 private:
  Task<> serve(Script script) {
    for (auto& replies : script) {
      auto accepted = co_await listener_->accept(loop_);
      Conn conn(loop_, std::move(accepted.fd));
      for (auto& reply : replies) {
        auto bytes = co_await conn.peek();
        heard.emplace_back(bytes);
        conn.consume(bytes.size());
        conn.put(reply);
        co_await conn.flush();
      }
    }
    listener_.reset();
  }

  net::Loop& loop_;
  std::unique_ptr<net::Listener> listener_;
};

// A table on the loop of the test, asked several times: its connections are kept in between.
struct OpenedTable {
  TestTables& tables;
  std::unique_ptr<Table> table;

  OpenedTable(TestTables& all, const std::string& type_name, bool every) : tables(all) {
    auto options = tables.options();
    options.command = every;
    auto opened = open_table(tables.loop, tables.main_cf, type_name, options);
    REQUIRE(opened);
    table = std::move(*opened);
  }
  std::string ask(std::string_view key) const {
    return TestTables::text_of(await(tables.loop, table->lookup(key)));
  }
};

std::string as_netstring(std::string_view text) {
  return netstring(text);
}

}  // namespace

TEST_CASE("netstrings are read up to their comma and their limit") {
  struct Row {
    const char *bytes, *outcome;
  };
  // clang-format off
  static const Row rows[] = {
      {"3:abc,",       "abc 6"},
      {"3:abc,4:",     "abc 6"},
      {"0:,",          " 3"},
      {"",             "MORE"},
      {"1",            "MORE"},
      {"3:abc",        "MORE"},
      {"3:abcd",       "ERROR input format error"},
      {"abc",          "ERROR input format error"},
      {":,",           "ERROR input format error"},
      {"3 :abc,",      "ERROR input format error"},
      {"11:",          "ERROR input exceeds size limit"},
      {"99999999999999999999:", "ERROR input exceeds size limit"},
      {"0000000000000003:abc,", "ERROR input exceeds size limit"},
  };
  // clang-format on
  for (auto& row : rows) {
    INFO(row.bytes);
    CHECK(netstring_outcome(row.bytes, 10) == row.outcome);
  }
  std::string whole = netstring("OK value");
  for (size_t size = 0; size < whole.size(); ++size)
    CHECK(netstring_outcome(std::string_view(whole).substr(0, size), 100) == "MORE");
}

TEST_CASE("replies of tcp: servers have a code and a text in %XX form") {
  using Status = TcpReply::Status;
  struct Row {
    const char* line;
    Status status;
    const char* text;
  };
  // clang-format off
  static const Row rows[] = {
      {"200 value%20here", Status::found,     "value here"},
      {"200 ",             Status::found,     ""},
      {"200 a b",          Status::found,     "a b"},
      {"200\tx",           Status::found,     "x"},
      {"500 no",           Status::not_found, "no"},
      {"400 busy",         Status::temporary, "busy"},
      {"300 x",            Status::bad_code,  "x"},
      {"200",              Status::malformed, ""},
      {"2000 a",           Status::malformed, ""},
      {"zork",             Status::malformed, ""},
      {"200 a%zz",         Status::malformed, ""},
      {"200 a%2",          Status::malformed, ""},
      {"200 a%",           Status::malformed, ""},
  };
  // clang-format on
  for (auto& row : rows) {
    INFO(row.line);
    auto reply = parse_tcp_reply(row.line);
    CHECK(reply.status == row.status);
    CHECK(reply.text == row.text);
  }
  CHECK(tcp_encode("a %\n\xc3\xbc@x") == "a%20%25%0A%C3%BC@x");
}

TEST_CASE("headers of memcached values are read within the limit") {
  using Kind = MemcacheHeader::Kind;
  struct Row {
    const char* line;
    Kind kind;
    size_t bytes;
  };
  // clang-format off
  static const Row rows[] = {
      {"VALUE k 0 3",      Kind::value, 3},
      {"VALUE k 7 10 99",  Kind::value, 10},
      {"VALUE k 0 11",     Kind::other, 0},
      {"VALUE k 0 -1",     Kind::other, 0},
      {"VALUE k 0",        Kind::other, 0},
      {"END",              Kind::end,   0},
      {"SERVER_ERROR out", Kind::other, 0},
      {"",                 Kind::other, 0},
  };
  // clang-format on
  for (auto& row : rows) {
    INFO(row.line);
    auto header = parse_memcache_header(row.line, 10);
    CHECK(header.kind == row.kind);
    CHECK(header.bytes == row.bytes);
  }
  CHECK(is_memcache_key("frank@example.org"));
  for (const char* key : {"", "a b", "a\tb", "a\r\nset x 0 0 1", "\x7f"})
    CHECK(!is_memcache_key(key));
}

TEST_CASE("endpoints are told apart, wrong ones in the incumbent's words") {
  struct Row {
    const char *text, *outcome;
  };
  // clang-format off
  static const Row rows[] = {
      {"inet:127.0.0.1:99", "127.0.0.1|99|"},
      {"inet:[::1]:99",     "::1|99|"},
      {"inet:99",           "localhost|99|"},
      {"unix:/run/s",       "||/run/s"},
      {"foo",               "need service transport:endpoint instead of \"foo\""},
      {"unix:",             "need service transport:endpoint instead of \"unix:\""},
      {"zork:a:1",          "invalid transport name: zork in service: zork:a:1"},
      {"inet:127.0.0.1",    "127.0.0.1: garbage after numerical service"},
  };
  // clang-format on
  for (auto& row : rows) {
    INFO(row.text);
    auto endpoint = Endpoint::parse(row.text);
    CHECK((endpoint ? format("{}|{}|{}", endpoint->host, endpoint->service, endpoint->path)
                    : endpoint.error().text) == row.outcome);
  }
}

TEST_CASE("an outage is one line at its beginning and one at its end") {
  TestTables tables;
  Outage outage(tables.log, false);
  outage.answered("x");
  for (int i = 0; i < 5; ++i) {
    outage.failed("connect: refused");
    outage.failed("lookup error: refused");
    outage.unanswered();
  }
  outage.answered("x");
  outage.answered("x");
  REQUIRE(tables.logged.size() == 3);
  CHECK(tables.logged[0] == "connect: refused");
  CHECK(tables.logged[1] == "lookup error: refused");
  CHECK(tables.logged[2] == "x: answers again after 0 seconds, 5 lookups were deferred");
  outage.failed("connect: refused");
  CHECK(tables.logged.size() == 4);
  for (int i = 0; i < 100; ++i) outage.failed(format("foreign words {}", i));
  CHECK(tables.logged.size() < 15);
}

TEST_CASE("socketmap: answers, refuses and survives a closed connection") {
  TestTables tables;
  ScriptedServer server(tables.loop);
  server.start({{as_netstring("OK a value")},
                {as_netstring("NOTFOUND "), as_netstring("TEMP busy"), as_netstring("TEMP busy"),
                 as_netstring("PERM no"), as_netstring("OK v"), "zork"}});
  OpenedTable table(tables, "socketmap:unix:" + server.path + ":name", false);
  CHECK(table.table->keys() == Keys::pattern);
  CHECK(table.ask("Key") == "a value");
  CHECK(server.heard == std::vector<std::string>{"8:name Key,"});
  CHECK(table.ask("k") == "-");
  CHECK(table.ask("k") == "ERROR Resource temporarily unavailable");
  CHECK(table.ask("k") == "ERROR Resource temporarily unavailable");
  CHECK(table.ask("k") == "ERROR table " + table.table->name() + ": query error");
  CHECK(table.ask("k") == "v");
  CHECK(table.ask("k") == "ERROR Resource temporarily unavailable");
  std::vector<std::string> wanted{
      table.table->name() + " socketmap server temporary error: busy",
      table.table->name() + " socketmap server permanent error: no",
      table.table->name() + ": answers again after 0 seconds, 3 lookups were deferred",
      "table " + table.table->name() + " lookup error: input format error"};
  CHECK(tables.logged == wanted);
}

TEST_CASE("a socketmap: server that is away is temporary, said once, and found again") {
  TestTables tables;
  ScriptedServer server(tables.loop);
  OpenedTable table(tables, "socketmap:unix:" + server.path + ":name", false);
  for (int i = 0; i < 3; ++i) {
    auto answer = table.ask("k");
    CHECK(answer.starts_with("ERROR "));
  }
  REQUIRE(tables.logged.size() == 2);
  CHECK(tables.logged[0] == "connect to " + server.path + ": No such file or directory");
  CHECK(tables.logged[1] ==
        "table " + table.table->name() + " lookup error: No such file or directory");
  server.start({{as_netstring("OK back")}});
  std::string answer = "ERROR";
  while (answer.starts_with("ERROR")) answer = table.ask("k");  // the shared failure: 100 ms
  CHECK(answer == "back");
  CHECK(tables.logged.size() == 3);
}

TEST_CASE("a reply longer than socketmap_max_reply_size is refused") {
  TestTables tables;
  tables.main_cf.set("socketmap_max_reply_size", "10");
  ScriptedServer server(tables.loop);
  server.start({{as_netstring("OK 12345678")}});
  OpenedTable table(tables, "socketmap:unix:" + server.path + ":name", true);
  CHECK(table.ask("k").starts_with("ERROR"));
  REQUIRE(tables.logged.size() == 1);
  CHECK(tables.logged[0] ==
        "table " + table.table->name() + " lookup error: input exceeds size limit");
}

TEST_CASE("memcache: asks, and puts what only the backup knows into the cache") {
  TestTables tables;
  ScriptedServer server(tables.loop);
  auto cf = server.directory + "/m.cf";
  std::ofstream(cf)
      << "memcache = unix:" << server.path
      << "\nbackup = inline:{{a=persistent},{out@other.test=no}}\nttl = 7\nflags = 5\n"
         "key_format = x:%s\nretry_pause = 1\nmax_try = 1\n";
  server.start(
      {{"VALUE x:k 0 2\r\nv1\r\nEND\r\n", "END\r\n", "STORED\r\n", "END\r\n", "ERROR\r\n"}});
  OpenedTable table(tables, "memcache:" + cf, false);
  CHECK(table.ask("K") == "v1");
  CHECK(table.ask("a") == "persistent");
  CHECK(table.ask("nowhere") == "-");
  CHECK(table.ask("a") == "persistent");  // the cache refuses: the backup answers
  CHECK(table.ask("a b") == "-");         // no key for memcached
  std::vector<std::string> wanted{"get x:k\r\n", "get x:a\r\n", "set x:a 5 7 10\r\npersistent\r\n",
                                  "get x:nowhere\r\n", "get x:a\r\n"};
  CHECK(server.heard == wanted);
  CHECK(table.ask("a") == "persistent");  // the cache is gone: the backup still answers
}
