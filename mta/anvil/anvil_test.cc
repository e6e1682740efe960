// SPDX-License-Identifier: Apache-2.0
#include <sys/socket.h>

#include "common/base/file.h"
#include "common/proto/attr.h"
#include "mta/anvil/counters.h"
#include "mta/anvil/session.h"
#include "tests/catch.h"

namespace dovetail::mta::anvil {

TEST_CASE("rates begin anew with each time unit, connections stay") {
  Counters counters(60);
  CHECK(counters.count("smtp:192.0.2.1", Event::connection, 1000).rates[0] == 1);
  CHECK(counters.count("smtp:192.0.2.1", Event::connection, 1059).rates[0] == 2);
  auto& later = counters.count("smtp:192.0.2.1", Event::connection, 1060);
  CHECK(later.rates[0] == 1);
  CHECK(later.connections == 3);
  CHECK(counters.count("smtp:192.0.2.2", Event::message, 1060).rates[1] == 1);
  CHECK(counters.look("smtp:192.0.2.1", 1061).connections == 3);
  CHECK(counters.look("smtp:192.0.2.1", 2000).rates[0] == 0);
}

TEST_CASE("a client without connections is forgotten when its time unit is over") {
  Counters counters(60);
  counters.count("smtp:a", Event::connection, 1000);
  counters.count("smtp:b", Event::connection, 1000);
  counters.disconnect("smtp:a");
  counters.expire(1059);
  CHECK(counters.size() == 2);
  counters.expire(1060);
  CHECK(counters.size() == 1);
  counters.disconnect("smtp:a");  // not there: nothing happens
}

TEST_CASE("statistics lines") {
  setenv("TZ", "UTC", 1);
  tzset();
  Counters counters(60);
  for (int i = 0; i < 3; ++i) counters.count("smtp:192.0.2.30", Event::connection, 1795176253);
  counters.count("smtp:192.0.2.30", Event::auth, 1795176253);
  std::vector<std::string> expected = {
      "statistics: max connection rate 3/60s for (smtp:192.0.2.30) at Nov 20 12:04:13",
      "statistics: max connection count 3 for (smtp:192.0.2.30) at Nov 20 12:04:13",
      "statistics: max auth rate 1/60s for (smtp:192.0.2.30) at Nov 20 12:04:13",
      "statistics: max cache size 1 at Nov 20 12:04:13",
  };
  CHECK(counters.report() == expected);
  CHECK(counters.report().empty());
}

namespace {

Task<> ask_anvil(Loop& loop, Fd fd, std::string request, std::string ident, std::string* told) {
  Conn conn(loop, std::move(fd));
  proto::Attributes attributes;
  attributes.add("request", request).add("ident", ident);
  proto::put_attributes(conn, attributes);
  auto answer = co_await proto::read_attributes(conn);
  for (auto& [name, value] : answer->all()) *told += name + "=" + value + " ";
}

Task<> serve_fd(Loop& loop, Fd fd, Counters& counters) {
  Conn conn(loop, std::move(fd));
  co_await serve_client(conn, counters);
}

Task<> both(Loop& loop, Counters& counters, std::string request, std::string ident,
            std::string* told) {
  int pair[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
  std::vector<Task<>> sides;
  sides.push_back(serve_fd(loop, Fd(pair[0]), counters));
  sides.push_back(ask_anvil(loop, Fd(pair[1]), std::move(request), std::move(ident), told));
  co_await net::when_all(loop, std::move(sides));
}

std::string asked(Counters& counters, std::string request, std::string ident) {
  Loop loop;
  std::string told;
  net::run_until_done(loop, both(loop, counters, std::move(request), std::move(ident), &told));
  return told;
}

}  // namespace

TEST_CASE("requests and answers; a client that goes takes its connections along") {
  Counters counters(60);
  CHECK(asked(counters, "connect", "smtp:a") == "status=0 count=1 rate=1 ");
  CHECK(asked(counters, "connect", "smtp:a") == "status=0 count=1 rate=2 ");
  CHECK(asked(counters, "message", "smtp:a") == "status=0 rate=1 ");
  CHECK(asked(counters, "lookup", "smtp:a") ==
        "status=0 count=0 rate=2 mail=1 rcpt=0 ntls=0 auth=0 ");
  CHECK(asked(counters, "disconnect", "smtp:a") == "status=-1 ");
  CHECK(asked(counters, "nonsense", "smtp:a") == "status=-1 ");
  CHECK(asked(counters, "connect", "") == "status=-1 ");
}

}  // namespace dovetail::mta::anvil
