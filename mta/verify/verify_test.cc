// SPDX-License-Identifier: Apache-2.0
#include "mta/verify/verify.h"

#include "tests/catch.h"

namespace dovetail::mta {

using namespace std::chrono_literals;

TEST_CASE("entries are written as the incumbent writes them") {
  auto entry =
      VerifyEntry::decode("2:0:1763640000:host mx[192.0.2.1] said: 550 5.1.1 no: such user");
  REQUIRE(entry);
  CHECK(entry->status == AddressStatus::bounced);
  CHECK(entry->updated == 1763640000);
  CHECK(entry->text == "host mx[192.0.2.1] said: 550 5.1.1 no: such user");
  CHECK(entry->encode() == "2:0:1763640000:host mx[192.0.2.1] said: 550 5.1.1 no: such user");
  for (auto bad : {"", "2", "2:0", "2:0:5", "7:0:5:x", "x:0:5:x", "1:-4:5:x"}) {
    INFO(bad);
    CHECK(!VerifyEntry::decode(bad));
  }
}

TEST_CASE("what is known decides whether a probe is sent") {
  VerifyParameters p;
  p.address_verify_positive_expire_time = conf::Seconds(31 * 86400);
  p.address_verify_positive_refresh_time = conf::Seconds(7 * 86400);
  p.address_verify_negative_expire_time = conf::Seconds(3 * 86400);
  p.address_verify_negative_refresh_time = conf::Seconds(3 * 3600);
  constexpr int64_t now = 2000000000;
  auto is = [&](std::optional<VerifyEntry> known, AddressStatus status, bool probe) {
    auto verdict = judge_entry(known, now, p);
    CHECK(verdict.entry.status == status);
    CHECK(verdict.probe == probe);
  };
  using S = AddressStatus;
  is(std::nullopt, S::todo, true);
  is(VerifyEntry{S::todo, now - 10, 0, "in progress"}, S::todo, false);  // its probe is under way
  is(VerifyEntry{S::todo, now - 2000, 0, "in progress"}, S::todo, true);
  is(VerifyEntry{S::ok, 0, now - 3600, "yes"}, S::ok, false);
  is(VerifyEntry{S::ok, 0, now - 8 * 86400, "yes"}, S::ok, true);
  is(VerifyEntry{S::ok, 0, now - 32 * 86400, "yes"}, S::todo, true);
  is(VerifyEntry{S::bounced, 0, now - 3600, "no"}, S::bounced, false);
  is(VerifyEntry{S::bounced, 0, now - 4 * 3600, "no"}, S::bounced, true);
  is(VerifyEntry{S::bounced, now - 5, now - 4 * 3600, "no"}, S::bounced, false);
  is(VerifyEntry{S::deferred, 0, now - 4 * 86400, "later"}, S::todo, true);
  CHECK(is_expired_entry({S::deferred, 0, now - 4 * 86400, ""}, now, p));
  CHECK(!is_expired_entry({S::ok, 0, now - 4 * 86400, ""}, now, p));
  CHECK(!is_expired_entry({S::todo, now - 5, 0, ""}, now, p));
}

TEST_CASE("the sender of probes") {
  CHECK(probe_sender("double-bounce", "example.test", 0, 1000) == "double-bounce@example.test");
  CHECK(probe_sender("probe@other.test", "example.test", 0, 1000) == "probe@other.test");
  CHECK(probe_sender("<>", "example.test", 0, 1000).empty());
  CHECK(probe_sender("", "example.test", 0, 1000).empty());
  CHECK(probe_sender("p", "e.test", 100, 1699) == "p10@e.test");
  CHECK(probe_sender("p", "e.test", 100, 1700) == "p11@e.test");
}

}  // namespace dovetail::mta
