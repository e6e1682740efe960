// SPDX-License-Identifier: Apache-2.0
#include "mta/qmgr/destination.h"
#include "mta/qmgr/message.h"
#include "tests/catch.h"

namespace dovetail::mta {
namespace {

Entry entry_of(const std::shared_ptr<ActiveMessage>& message, std::string rcpt) {
  Entry entry;
  entry.message = message;
  entry.recipients.push_back({std::move(rcpt), {}, {}, 0, 0});
  return entry;
}

}  // namespace

TEST_CASE("a destination starts with five deliveries and no more") {
  net::Loop loop;
  auto list = std::make_shared<ActiveMessage>(loop, "A");
  TransportParameters parameters;
  Destination destination("d", "d", parameters);
  for (int i = 0; i < 10; ++i) destination.add(entry_of(list, "r"));
  int started = 0;
  while (destination.ready()) {
    destination.take();
    ++started;
  }
  CHECK(started == 5);
  CHECK(destination.waiting() == 5);
}

TEST_CASE("the window grows with success up to its limit") {
  net::Loop loop;
  auto list = std::make_shared<ActiveMessage>(loop, "A");
  TransportParameters parameters;
  parameters.concurrency_limit = 7;
  Destination destination("d", "d", parameters);
  for (int round = 0; round < 30; ++round) {
    for (int i = 0; i < 10; ++i) destination.add(entry_of(list, "r"));
    int busy = 0;
    for (; destination.ready(); ++busy) destination.take();
    for (; busy > 0; --busy) destination.succeeded();
  }
  CHECK(destination.window() == 7);
}

TEST_CASE("four refusals in a row end a destination: 1/5 + 1/4 + 1/3 + 1/2 is over 1") {
  net::Loop loop;
  auto list = std::make_shared<ActiveMessage>(loop, "A");
  TransportParameters parameters;
  Destination destination("d", "d", parameters);
  for (int i = 0; i < 6; ++i) destination.add(entry_of(list, "r"));
  int refusals = 0;
  bool dead = false;
  while (!dead) {
    REQUIRE(destination.ready());
    destination.take();
    dead = destination.failed({"4.4.1", "Connection refused"});
    ++refusals;
  }
  CHECK(refusals == 4);
  CHECK(!destination.ready());
  CHECK(destination.take_all().size() == 2);
  destination.revive();
  destination.add(entry_of(list, "r"));
  CHECK(destination.ready());
}

TEST_CASE("a cohort limit of 0 never gives a destination up") {
  net::Loop loop;
  auto list = std::make_shared<ActiveMessage>(loop, "A");
  TransportParameters parameters;
  parameters.failed_cohort_limit = 0;
  Destination destination("d", "d", parameters);
  for (int i = 0; i < 20; ++i) {
    destination.add(entry_of(list, "r"));
    REQUIRE(destination.ready());
    destination.take();
    CHECK(!destination.failed({"4.4.1", "Connection refused"}));
  }
}

TEST_CASE("a single mail overtakes a long list") {
  net::Loop loop;
  auto list = std::make_shared<ActiveMessage>(loop, "LIST"),
       single = std::make_shared<ActiveMessage>(loop, "SINGLE");
  TransportParameters parameters;
  Destination destination("d", "d", parameters);
  for (int i = 0; i < 100; ++i) destination.add(entry_of(list, "r"));
  destination.add(entry_of(single, "s"));
  CHECK(destination.take().message == list);
  CHECK(destination.take().message == single);
  CHECK(destination.take().message == list);
}

TEST_CASE("feedback forms") {
  CHECK(feedback("1", 10) == 1);
  CHECK(feedback("1 / concurrency", 4) == 0.25);
  CHECK(feedback("1 / sqrt_concurrency", 4) == 0.5);
  CHECK(feedback("0.5/5", 4) == 0.1);
  CHECK(feedback("nonsense", 4) == 1);
  CHECK(feedback("7", 4) == 1);
}

TEST_CASE("the next attempt comes as late as the message is old, within the backoff times") {
  CHECK(next_attempt_delay(0, 300, 4000) == 300);
  CHECK(next_attempt_delay(600, 300, 4000) == 600);
  CHECK(next_attempt_delay(90000, 300, 4000) == 4000);
}

}  // namespace dovetail::mta
