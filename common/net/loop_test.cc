// SPDX-License-Identifier: Apache-2.0
#include "common/net/loop.h"

#include <future>
#include <stdexcept>

#include "common/net/batch.h"
#include "tests/catch.h"

namespace dovetail::net {
namespace {

Task<int> answer_after(Loop& loop, int value) {
  co_await loop.yield();
  co_return value;
}

Task<> add_answers(Loop& loop, int& sum) {
  for (int i = 1; i <= 3; ++i) {
    int value = co_await answer_after(loop, i);
    sum += value;
  }
}

Task<> append_name(Loop& loop, AsyncMutex& mutex, std::string& order, char name) {
  auto held = co_await mutex.lock();
  order += name;
  co_await loop.yield();
  order += name;
}

Task<> take_turns(Loop& loop, std::string& order) {
  AsyncMutex mutex(loop);
  std::vector<Task<>> all;
  for (char name : {'a', 'b', 'c'}) all.push_back(append_name(loop, mutex, order, name));
  co_await when_all(loop, std::move(all));
  CHECK(!mutex.locked());
}

Task<> fail_later(Loop& loop) {
  co_await loop.yield();
  throw IoError{IoError::eof, 0, {}};
}

Task<> see_failure(Loop& loop, bool& seen) {
  try {
    co_await fail_later(loop);
  } catch (const IoError& io) {
    seen = io.why == IoError::eof;
  }
}

Task<> wait_for_event(Event& event, std::optional<Milliseconds> time, bool& woken) {
  if (time) {
    woken = co_await event.wait(*time);
  } else {
    woken = co_await event.wait();
  }
}

Task<> use_pool(Pool& pool, std::string& out) {
  std::string text = "from a thread";
  auto job = [text] { return text; };
  out = co_await pool.run(job);
  auto thrower = [] { throw std::runtime_error("inside"); };
  try {
    co_await pool.run(thrower);
  } catch (const std::runtime_error& error) {
    out += error.what();
  }
}

struct Counted {
  int number = 0;
  bool done = false;
};

Task<> count_in(Batch<Counted>& batch, Counted& item, std::vector<int>& ended) {
  co_await batch.run(item);
  ended.push_back(item.number);
}

// The first call is held up until the others stand in line.
Task<> count_five(Loop& loop, Batch<Counted>& batch, std::promise<void>& gate,
                  std::vector<Counted>& items, std::vector<int>& ended) {
  std::vector<Task<>> all;
  for (auto& item : items) all.push_back(count_in(batch, item, ended));
  struct Open {
    static Task<> gate_now(std::promise<void>& gate) {
      gate.set_value();
      co_return;
    }
  };
  all.push_back(Open::gate_now(gate));
  co_await when_all(loop, std::move(all));
}

}  // namespace

TEST_CASE("a task gives its value to the one who awaits it") {
  Loop loop;
  int sum = 0;
  run_until_done(loop, add_answers(loop, sum));
  CHECK(sum == 6);
}

TEST_CASE("an exception travels up the chain of awaits") {
  Loop loop;
  bool seen = false;
  run_until_done(loop, see_failure(loop, seen));
  CHECK(seen);
}

TEST_CASE("a mutex is handed on in the order it was asked for") {
  Loop loop;
  std::string order;
  run_until_done(loop, take_turns(loop, order));
  CHECK(order == "aabbcc");
}

TEST_CASE("an event set before the wait is not lost, one never set times out") {
  Loop loop;
  Event event(loop);
  bool woken = false;
  event.set();
  run_until_done(loop, wait_for_event(event, std::nullopt, woken));
  CHECK(woken);
  run_until_done(loop, wait_for_event(event, Milliseconds(1), woken));
  CHECK(!woken);
}

TEST_CASE("a pool gives back values and exceptions") {
  Loop loop;
  Pool pool(loop, 2);
  std::string out;
  run_until_done(loop, use_pool(pool, out));
  CHECK(out == "from a threadinside");
}

TEST_CASE("what waits while a batch is worked on is taken together, up to its limit") {
  Loop loop;
  Pool pool(loop, 1);
  std::promise<void> gate;
  auto opened = gate.get_future().share();
  std::vector<size_t> calls;
  bool fails = GENERATE(false, true);
  auto work = [&](const std::vector<Counted*>& items) {
    opened.wait();
    calls.push_back(items.size());
    if (fails && calls.size() == 1) throw std::runtime_error("the disk is on fire");
    for (auto* item : items) item->done = true;
  };
  Batch<Counted> batch(loop, pool, work, 3);
  std::vector<Counted> items{{1}, {2}, {3}, {4}, {5}};
  std::vector<int> ended;
  bool thrown = false;
  try {
    run_until_done(loop, count_five(loop, batch, gate, items, ended));
  } catch (const std::runtime_error&) {
    thrown = true;
  }
  CHECK(thrown == fails);
  CHECK(calls == std::vector<size_t>{1, 3, 1});
  for (auto& item : items) CHECK(item.done == (!fails || item.number != 1));
  CHECK(ended.size() == (fails ? 4 : 5));
}

}  // namespace dovetail::net
