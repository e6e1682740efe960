// Watches and events of the loop: one descriptor or wake-up with its waiters (loop.h). The loop itself is loop.cc.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cerrno>

#include "common/net/loop.h"

namespace dovetail::net {

Watch::Watch(Loop& loop, int fd) {
  read_.watch = write_.watch = this;
  event_assign(&event_, loop.base(), fd, EV_READ | EV_ET | EV_PERSIST, &Watch::fired, this);
  event_add(&event_, nullptr);
  evtimer_assign(&read_.wake, loop.base(), &Watch::woken, &read_);
  // Asked for only while somebody waits to write: a Unix socket is "writable" anew each time its peer has read, which woke
  // every daemon once more for each answer it had given.
  event_assign(&write_.wake, loop.base(), fd, EV_WRITE | EV_ET, &Watch::woken, &write_);
}

Watch::~Watch() {
  event_del(&event_);
  event_del(&read_.wake);
  event_del(&write_.wake);
}

bool Watch::Wait::await_ready() const noexcept {
  return watch_.cancelled_ || (watch_.ready_ & what_);
}

void Watch::Wait::await_suspend(std::coroutine_handle<> waiter) {
  auto& side = watch_.side(what_);
  side.waiter = waiter;
  side.timed_out = false;
  if (!time_) {
    if (what_ == EV_WRITE) event_add(&side.wake, nullptr);
    return;
  }
  auto count = std::max<int64_t>(time_->count(), 0);
  timeval time{.tv_sec = count / 1000, .tv_usec = count % 1000 * 1000};
  event_add(&side.wake, &time);
}

void Watch::Wait::await_resume() const {
  auto& side = watch_.side(what_);
  if (watch_.cancelled_) throw IoError{IoError::cancelled, ECANCELED, {}};
  if (std::exchange(side.timed_out, false)) throw IoError{IoError::timeout, ETIMEDOUT, {}};
}

void Watch::resume(Side& side) {
  event_del(&side.wake);
  std::exchange(side.waiter, {}).resume();
}

void Watch::fired(int, short, void* self) {
  auto& watch = *static_cast<Watch*>(self);
  watch.ready_ |= EV_READ;
  if (watch.read_.waiter) watch.resume(watch.read_);
}

void Watch::woken(int, short what, void* self) {
  auto& side = *static_cast<Side*>(self);
  auto& watch = *side.watch;
  watch.ready_ |= static_cast<short>(what & EV_WRITE);
  if (!side.waiter) return;
  short wanted = &side == &watch.read_ ? EV_READ : EV_WRITE;
  side.timed_out = !watch.cancelled_ && !(watch.ready_ & wanted);
  watch.resume(side);
}

void Watch::cancel() {
  cancelled_ = true;
  for (auto* side : {&read_, &write_}) {
    if (!side->waiter) continue;
    event_del(&side->wake);
    event_active(&side->wake, EV_TIMEOUT, 1);
  }
}

void Watch::interrupt_read() {
  if (!read_.waiter) return;
  event_del(&read_.wake);
  event_active(&read_.wake, EV_TIMEOUT, 1);
}

}  // namespace dovetail::net
