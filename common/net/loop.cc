// SPDX-License-Identifier: Apache-2.0
#include "common/net/loop.h"

#include <event2/thread.h>

#include <algorithm>
#include <cstring>

namespace dovetail::net {
namespace {

timeval to_timeval(Milliseconds time) {
  auto count = std::max<int64_t>(time.count(), 0);
  return {.tv_sec = count / 1000, .tv_usec = count % 1000 * 1000};
}

void resume_waiter(int, short, void* address) {
  std::coroutine_handle<>::from_address(address).resume();
}

}  // namespace

std::string IoError::message() const {
  if (!text.empty()) return text;
  switch (why) {
    case eof:
      return "Connection closed";
    case timeout:
      return "Connection timed out";
    case cancelled:
      return "Connection shut down";
    case error:
      break;
  }
  return strerror(code);
}

Loop::Loop() {
  // Before the first base: pools post their results from other threads.
  evthread_use_pthreads();
  base_ = event_base_new();
}

Loop::~Loop() {
  event_base_free(base_);
}
void Loop::run() {
  event_base_dispatch(base_);
}
void Loop::stop() {
  event_base_loopbreak(base_);
}

void Loop::Sleep::await_suspend(std::coroutine_handle<> waiter) {
  evtimer_assign(&timer_, loop_.base(), resume_waiter, waiter.address());
  auto time = to_timeval(time_);
  event_add(&timer_, &time);
}

namespace {

struct Detached {
  struct promise_type {
    Detached get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }
  };
};

Detached run_detached(Task<> task, Logger log) {
  try {
    co_await task;
  } catch (const IoError&) {
    // Its peer is gone or the service is going: nothing is left to say.
  } catch (const std::exception& bug) {
    log.error("session ended by an internal error: {}", bug.what());
  }
}

Detached run_then_stop(Task<> task, Loop* loop, std::exception_ptr* error, bool* done) {
  try {
    co_await task;
  } catch (...) {
    *error = std::current_exception();
  }
  *done = true;
  loop->stop();
}

}  // namespace

void spawn(Task<> task, Logger log) {
  run_detached(std::move(task), std::move(log));
}

void run_until_done(Loop& loop, Task<> task) {
  std::exception_ptr error;
  bool done = false;
  run_then_stop(std::move(task), &loop, &error, &done);
  // A job in a pool is no event yet: without the flag the loop would end, and be run again and again, meanwhile.
  while (!done) event_base_loop(loop.base(), EVLOOP_NO_EXIT_ON_EMPTY);
  if (error) std::rethrow_exception(error);
}

// --- Timer, Signal

static void call_function(int, short, void* self) {
  auto call = *static_cast<std::function<void()>*>(self);  // a copy: the call may destroy its timer
  call();
}

Timer::Timer(Loop& loop, std::function<void()> call) : call_(std::move(call)) {
  evtimer_assign(&timer_, loop.base(), call_function, &call_);
}
Timer::~Timer() {
  stop();
}
void Timer::start(Milliseconds after) {
  auto time = to_timeval(after);
  event_add(&timer_, &time);
}
void Timer::stop() {
  event_del(&timer_);
}

Signal::Signal(Loop& loop, int number, std::function<void()> call) : call_(std::move(call)) {
  evsignal_assign(&event_, loop.base(), number, call_function, &call_);
  event_add(&event_, nullptr);
}
Signal::~Signal() {
  event_del(&event_);
}

// --- Event

Event::~Event() {
  for (auto* waiter = first_; waiter; waiter = waiter->next_) event_del(&waiter->timer_);
}

bool Event::Wait::await_ready() noexcept {
  if (!owner_.set_) return false;
  owner_.set_ = false;
  woken_ = true;
  return true;
}

void Event::Wait::await_suspend(std::coroutine_handle<> waiter) {
  waiter_ = waiter;
  evtimer_assign(&timer_, owner_.loop_.base(), &Wait::fired, this);
  (owner_.last_ ? owner_.last_->next_ : owner_.first_) = this;
  owner_.last_ = this;
  if (!time_) return;
  auto time = to_timeval(*time_);
  event_add(&timer_, &time);
}

void Event::Wait::fired(int, short, void* self) {
  auto* wait = static_cast<Wait*>(self);
  if (!wait->woken_) wait->owner_.remove(wait);
  wait->waiter_.resume();
}

void Event::remove(Wait* waiter) {
  Wait* before = nullptr;
  for (auto* at = first_; at != waiter; at = at->next_) before = at;
  (before ? before->next_ : first_) = waiter->next_;
  if (last_ == waiter) last_ = before;
}

void Event::set() {
  if (!first_) {
    set_ = true;
    if (interrupt_) interrupt_->interrupt_read();
    return;
  }
  auto* waiter = first_;
  first_ = waiter->next_;
  if (!first_) last_ = nullptr;
  waiter->woken_ = true;
  event_del(&waiter->timer_);
  event_active(&waiter->timer_, EV_TIMEOUT, 1);
}

void Event::set_all() {
  while (first_) set();
}

// --- AsyncMutex: the lock is handed to the first who waits, so nobody can overtake.

Task<AsyncMutex::Guard> AsyncMutex::lock() {
  if (locked_) {
    ++waiting_;
    co_await free_.wait();
    --waiting_;
  }
  locked_ = true;
  co_return Guard(this);
}

void AsyncMutex::Guard::unlock() {
  auto* mutex = std::exchange(mutex_, nullptr);
  if (!mutex) return;
  if (mutex->waiting_ > 0)
    mutex->free_.set();
  else
    mutex->locked_ = false;
}

// --- when_all

namespace {

struct AllState {
  explicit AllState(Loop& loop) : all_done(loop) {}
  size_t running = 0;
  std::exception_ptr error;
  Event all_done;
};

Detached run_counted(Task<> task, AllState* state) {
  try {
    co_await task;
  } catch (...) {
    if (!state->error) state->error = std::current_exception();
  }
  if (--state->running == 0) state->all_done.set();
}

}  // namespace

Task<> when_all(Loop& loop, std::vector<Task<>> tasks) {
  AllState state(loop);
  if (tasks.empty()) co_return;
  state.running = tasks.size();
  for (auto& task : tasks) run_counted(std::move(task), &state);
  co_await state.all_done.wait();
  if (state.error) std::rethrow_exception(state.error);
}

}  // namespace dovetail::net
