// A daemon that drains: who waits is hung up on, who is served is not.
// SPDX-License-Identifier: Apache-2.0
#include "common/proto/waiting.h"

#include <sys/socket.h>

#include "common/net/conn.h"
#include "tests/catch.h"

namespace dovetail::proto {
namespace {

struct Served {
  unsigned requests = 0;
  bool hung_up = false;
};

// Serves CONN until it ends; while the first request is worked on, the daemon drains if DRAIN_AT_WORK.
Task<> serve_requests(WaitingRequests& waiting, Conn& conn, bool drain_at_work, Served& served) {
  try {
    for (;;) {
      auto request = co_await waiting.next(conn);
      if (!request) co_return;
      ++served.requests;
      if (drain_at_work) waiting.drain();
    }
  } catch (const IoError& io) {
    served.hung_up = io.why == IoError::cancelled;
  }
}

Task<> drain_later(Loop& loop, WaitingRequests& waiting) {
  co_await loop.yield();
  waiting.drain();
}

Served play(std::string_view sent, bool drain_at_work) {
  Loop loop;
  int fds[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
  Conn conn(loop, base::Fd(fds[0]));
  base::Fd peer(fds[1]);
  REQUIRE(::send(peer.get(), sent.data(), sent.size(), 0) == static_cast<ssize_t>(sent.size()));
  WaitingRequests waiting;
  Served served;
  std::vector<Task<>> both;
  both.push_back(serve_requests(waiting, conn, drain_at_work, served));
  if (!drain_at_work) both.push_back(drain_later(loop, waiting));
  net::run_until_done(loop, net::when_all(loop, std::move(both)));
  return served;
}

const std::string kOneRequest("request\0first\0\0", 15);

}  // namespace

TEST_CASE("a connection that waits when the daemon drains is hung up on") {
  auto served = play("", false);
  CHECK(served.requests == 0);
  CHECK(served.hung_up);
}

TEST_CASE(
    "a request in work when the daemon drains is finished, then its connection is hung up on") {
  auto served = play(kOneRequest, true);
  CHECK(served.requests == 1);
  CHECK(served.hung_up);
}

}  // namespace dovetail::proto
