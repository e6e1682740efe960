// SPDX-License-Identifier: Apache-2.0
#include "common/net/conn.h"

#include <sys/socket.h>
#include <unistd.h>

#include "tests/catch.h"

namespace dovetail::net {
namespace {

struct Ends {
  base::Fd ours, theirs;
};

Ends socket_ends() {
  int fds[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
  return {base::Fd(fds[0]), base::Fd(fds[1])};
}

struct Seen {
  std::vector<std::string> lines;
  std::vector<bool> bare, long_;
  bool eof = false;
};

Task<> read_all_lines(Conn& conn, size_t limit, Seen& seen) {
  try {
    for (;;) {
      auto line = co_await conn.read_line(limit);
      seen.lines.emplace_back(line.text);
      seen.bare.push_back(line.bare_lf);
      seen.long_.push_back(line.too_long);
    }
  } catch (const IoError& io) {
    seen.eof = io.why == IoError::eof;
  }
}

Task<> write_slowly(Loop& loop, base::Fd fd, std::string text, size_t step) {
  for (size_t at = 0; at < text.size(); at += step) {
    auto part = text.substr(at, step);
    REQUIRE(::send(fd.get(), part.data(), part.size(), 0) == static_cast<ssize_t>(part.size()));
    co_await loop.yield();
  }
}

Seen lines_of(std::string text, size_t step, size_t limit = 100) {
  Loop loop;
  auto ends = socket_ends();
  Conn conn(loop, std::move(ends.ours));
  Seen seen;
  std::vector<Task<>> both;
  both.push_back(read_all_lines(conn, limit, seen));
  both.push_back(write_slowly(loop, std::move(ends.theirs), std::move(text), step));
  run_until_done(loop, when_all(loop, std::move(both)));
  return seen;
}

Task<> idle_once(Conn& conn, Event& event, Conn::Woken& woken) {
  woken = co_await conn.wait_input(event, Milliseconds(5000));
}

Task<> set_later(Loop& loop, Event& event) {
  co_await loop.yield();
  event.set();
}

Task<> expect_timeout(Conn& conn, IoError::Why& why) {
  try {
    co_await conn.read_line(100);
  } catch (const IoError& io) {
    why = io.why;
  }
}

}  // namespace

TEST_CASE("lines are the same whole and byte by byte") {
  for (size_t step : {1u, 2u, 3u, 1000u}) {
    INFO(step);
    auto seen =
        lines_of("EHLO a\r\nbare\n\r\n" + std::string(150, 'x') + "\r\nafter\r\nrest", step);
    REQUIRE(seen.lines.size() == 5);
    CHECK(seen.lines[0] == "EHLO a");
    CHECK(seen.lines[1] == "bare");
    CHECK(seen.bare[1]);
    CHECK(!seen.bare[0]);
    CHECK(seen.lines[2].empty());
    CHECK(seen.lines[3] == std::string(100, 'x'));
    CHECK(seen.long_[3]);
    CHECK(seen.lines[4] == "after");
    CHECK(!seen.long_[4]);
    CHECK(seen.eof);
  }
}

TEST_CASE("an event ends a wait for input, and is not lost when it comes first") {
  Loop loop;
  auto ends = socket_ends();
  Conn conn(loop, std::move(ends.ours));
  Event event(loop);
  auto woken = Conn::Woken::timeout;
  std::vector<Task<>> both;
  both.push_back(idle_once(conn, event, woken));
  both.push_back(set_later(loop, event));
  run_until_done(loop, when_all(loop, std::move(both)));
  CHECK(woken == Conn::Woken::event);
  event.set();
  run_until_done(loop, idle_once(conn, event, woken));
  CHECK(woken == Conn::Woken::event);
  REQUIRE(::send(ends.theirs.get(), "x", 1, 0) == 1);
  run_until_done(loop, idle_once(conn, event, woken));
  CHECK(woken == Conn::Woken::input);
}

TEST_CASE("a silent peer runs into the timeout") {
  Loop loop;
  auto ends = socket_ends();
  Conn conn(loop, std::move(ends.ours));
  conn.set_timeout(Milliseconds(1));
  auto why = IoError::error;
  run_until_done(loop, expect_timeout(conn, why));
  CHECK(why == IoError::timeout);
}

}  // namespace dovetail::net
