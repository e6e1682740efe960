// SPDX-License-Identifier: Apache-2.0
#include "authd/penalty.h"

#include "tests/catch.h"

namespace dovetail::authd {
namespace {

using base::Milliseconds;

struct Clock {
  Milliseconds now{1000000};
  Penalties penalties{[this] { return now; }};
  // One failed attempt with this password; says how long it had to wait.
  Milliseconds fail(uint32_t checksum) {
    auto found = penalties.look_up("x");
    penalties.failed("x", checksum, found.penalty);
    return found.wait;
  }
};

TEST_CASE("different guesses wait 4, 8, 15 seconds") {
  Clock clock;
  CHECK(clock.fail(1) == Milliseconds(0));
  CHECK(clock.fail(2) == Milliseconds(4000));
  CHECK(clock.fail(3) == Milliseconds(8000));
  CHECK(clock.fail(4) == Milliseconds(15000));
  CHECK(clock.fail(5) == Milliseconds(15000));
}

TEST_CASE("no guess waits where penalties are switched off") {
  Clock clock;
  clock.penalties.disable();
  clock.fail(1);
  CHECK(clock.fail(2) == Milliseconds(0));
  CHECK(clock.penalties.size() == 0);
}

TEST_CASE("a failure is answered at the next tick even without a delay") {
  net::Loop loop;
  FailureQueue queue(loop, Milliseconds(0));
  bool answered = false;
  queue.add([&] { answered = true; });
  CHECK_FALSE(answered);
  CHECK(queue.size() == 1);
}

TEST_CASE("the same wrong password again does not raise the penalty") {
  Clock clock;
  clock.fail(1);
  CHECK(clock.fail(1) == Milliseconds(4000));
  CHECK(clock.fail(1) == Milliseconds(4000));
  CHECK(clock.fail(2) == Milliseconds(4000));
  CHECK(clock.fail(1) == Milliseconds(8000));
}

TEST_CASE("quiet and success end a penalty, other addresses have none") {
  Clock clock;
  clock.fail(1);
  clock.fail(2);
  CHECK(clock.penalties.look_up("y").wait == Milliseconds(0));
  clock.now += Milliseconds(14000);
  CHECK(clock.penalties.look_up("x").penalty == 2);
  clock.now += Milliseconds(1000);
  CHECK(clock.penalties.look_up("x").penalty == 0);
  clock.fail(1);
  clock.penalties.succeeded("x");
  CHECK(clock.penalties.look_up("x").penalty == 0);
}

TEST_CASE("old records are forgotten") {
  Clock clock;
  clock.fail(1);
  clock.now += Milliseconds(100000);
  clock.penalties.look_up("other");
  CHECK(clock.penalties.size() == 0);
}

TEST_CASE("IPv6 counts by /48, no address is an address of its own") {
  CHECK(Penalties::ident("2001:db8:1:2::1") == Penalties::ident("2001:db8:1:ffff::9"));
  CHECK(Penalties::ident("2001:db8:1:2::1") != Penalties::ident("2001:db8:2:2::1"));
  CHECK(Penalties::ident("192.0.2.1") != Penalties::ident("192.0.2.2"));
  CHECK(Penalties::ident("").empty());
}

}  // namespace
}  // namespace dovetail::authd
