// Watches and events of the loop: one descriptor or wake-up with its waiters (loop.h). The loop itself is loop.cc.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cerrno>

#include "common/net/loop.h"

namespace dovetail::net {

Watch::Watch(Loop& loop, int fd) {
  read_.watch = write_.watch = this;
  event_assign(&event_, loop.base(), fd, EV_READ | EV_WRITE | EV_ET | EV_PERSIST, &Watch::fired,
               this);
  event_add(&event_, nullptr);
  evtimer_assign(&read_.timer, loop.base(), &Watch::expired, &read_);
  evtimer_assign(&write_.timer, loop.base(), &Watch::expired, &write_);
}

Watch::~Watch() {
  event_del(&event_);
  event_del(&read_.timer);
  event_del(&write_.timer);
}

bool Watch::Wait::await_ready() const noexcept {
  return watch_.cancelled_ || (watch_.ready_ & what_);
}

void Watch::Wait::await_suspend(std::coroutine_handle<> waiter) {
  auto& side = watch_.side(what_);
  side.waiter = waiter;
  side.timed_out = false;
  if (!time_) return;
  auto count = std::max<int64_t>(time_->count(), 0);
  timeval time{.tv_sec = count / 1000, .tv_usec = count % 1000 * 1000};
  event_add(&side.timer, &time);
}

void Watch::Wait::await_resume() const {
  auto& side = watch_.side(what_);
  if (watch_.cancelled_) throw IoError{IoError::cancelled, ECANCELED, {}};
  if (std::exchange(side.timed_out, false)) throw IoError{IoError::timeout, ETIMEDOUT, {}};
}

void Watch::resume(Side& side) {
  event_del(&side.timer);
  std::exchange(side.waiter, {}).resume();
}

void Watch::fired(int, short what, void* self) {
  auto& watch = *static_cast<Watch*>(self);
  watch.ready_ |= static_cast<short>(what & (EV_READ | EV_WRITE));
  // Only one side is resumed here: that coroutine may destroy this object. The other is resumed by
  // its timer, at once.
  bool reader = watch.read_.waiter && (what & EV_READ);
  bool writer = watch.write_.waiter && (what & EV_WRITE);
  if (reader && writer) {
    event_del(&watch.write_.timer);
    event_active(&watch.write_.timer, EV_TIMEOUT, 1);
  }
  if (reader) return watch.resume(watch.read_);
  if (writer) return watch.resume(watch.write_);
}

void Watch::expired(int, short, void* self) {
  auto& side = *static_cast<Side*>(self);
  if (!side.waiter) return;
  auto& watch = *side.watch;
  short what = &side == &watch.read_ ? EV_READ : EV_WRITE;
  side.timed_out = !watch.cancelled_ && !(watch.ready_ & what);
  watch.resume(side);
}

void Watch::cancel() {
  cancelled_ = true;
  for (auto* side : {&read_, &write_}) {
    if (!side->waiter) continue;
    event_del(&side->timer);
    event_active(&side->timer, EV_TIMEOUT, 1);
  }
}

void Watch::interrupt_read() {
  if (!read_.waiter) return;
  event_del(&read_.timer);
  event_active(&read_.timer, EV_TIMEOUT, 1);
}

}  // namespace dovetail::net
