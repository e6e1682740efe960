// The loop of a process: timers, wake-ups, descriptors, and coroutines waiting for them. One
// thread, one libevent base. Waiters are resumed by the loop, never inside the call that woke them,
// except Watch and timers, which the loop itself calls.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <event2/event.h>
#include <event2/event_struct.h>

#include <coroutine>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/net/task.h"

namespace dovetail::net {

using base::Milliseconds;

// The only exception thrown by Dovetail: the peer went, time is up, or the wait was called off.
struct IoError {
  enum Why { eof, timeout, error, cancelled };
  Why why = eof;
  int code = 0;        // errno, 0 if none
  std::string text{};  // more than errno can say ("SSL_accept() failed: ..."), may be empty

  std::string message() const;
};

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;

  // Runs until stop() or until nothing is left to wait for.
  void run();
  void stop();
  event_base* base() const { return base_; }

  // Lets everything else that is ready go first; long work calls it every 2 ms.
  auto yield() { return sleep(Milliseconds(0)); }

  class Sleep {
   public:
    Sleep(Loop& loop, Milliseconds time) : loop_(loop), time_(time) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter);
    void await_resume() const noexcept {}

   private:
    Loop& loop_;
    Milliseconds time_;
    std::coroutine_handle<> waiter_;
    event timer_{};
  };
  // Cannot be called off: for what must be interruptible use Event::wait with a time.
  Sleep sleep(Milliseconds time) { return Sleep(*this, time); }

 private:
  event_base* base_;
};

// Starts a coroutine nobody waits for. An IoError that leaves it ends it silently (its peer is
// gone); any other exception is logged as an error of that session, and the others live on.
void spawn(Task<> task, Logger log);

// Runs a task to its end on the loop and returns; for programs with one thing to do, and for tests.
void run_until_done(Loop& loop, Task<> task);

// A repeating or single call of a plain function. Destroying it ends it.
class Timer {
 public:
  Timer(Loop& loop, std::function<void()> call);
  ~Timer();
  Timer(const Timer&) = delete;
  void start(Milliseconds after);  // once; again moves it
  void stop();

 private:
  std::function<void()> call_;
  event timer_{};
};

// Calls a function in the loop at each signal. Destroying it ends it.
class Signal {
 public:
  Signal(Loop& loop, int number, std::function<void()> call);
  ~Signal();
  Signal(const Signal&) = delete;

 private:
  std::function<void()> call_;
  event event_{};
};

class Watch;

// A wake-up: wait() ends when set() is called by anyone on this loop, or after a time. set()
// without a waiter is remembered until the next wait() (a counting of one), so that nothing is lost
// between check and wait.
class Event {
 public:
  explicit Event(Loop& loop) : loop_(loop) {}
  Event(const Event&) = delete;
  ~Event();

  void set();      // wakes one waiter, or is remembered
  void set_all();  // wakes all waiters, remembers nothing
  // While set, a wake-up without a waiter also ends that watch's wait for reading
  // (Conn::wait_input). Null ends it.
  void interrupt(Watch* watch) { interrupt_ = watch; }
  bool is_set() const { return set_; }
  void clear() { set_ = false; }

  class Wait {
   public:
    Wait(Event& owner, std::optional<Milliseconds> time) : owner_(owner), time_(time) {}
    bool await_ready() noexcept;
    void await_suspend(std::coroutine_handle<> waiter);
    bool await_resume() const noexcept { return woken_; }  // false: the time is up

   private:
    friend class Event;
    static void fired(int, short, void* self);
    Event& owner_;
    std::optional<Milliseconds> time_;
    std::coroutine_handle<> waiter_;
    Wait* next_ = nullptr;  // behind this one in the owner's line
    bool woken_ = false;
    event timer_{};
  };
  Wait wait() { return Wait(*this, std::nullopt); }
  Wait wait(Milliseconds time) { return Wait(*this, time); }

 private:
  friend class Wait;
  void remove(Wait* waiter);

  // A line of waiters linked through themselves: mutexes and sessions have many Events and nearly all have no waiter.
  Loop& loop_;
  Wait* first_ = nullptr;
  Wait* last_ = nullptr;
  Watch* interrupt_ = nullptr;
  bool set_ = false;
};

// Held across a co_await, in the order asked for.
class AsyncMutex {
 public:
  explicit AsyncMutex(Loop& loop) : free_(loop) {}

  class [[nodiscard]] Guard {
   public:
    explicit Guard(AsyncMutex* mutex) : mutex_(mutex) {}
    Guard(Guard&& other) noexcept : mutex_(std::exchange(other.mutex_, nullptr)) {}
    Guard& operator=(Guard&&) = delete;
    ~Guard() { unlock(); }
    void unlock();

   private:
    AsyncMutex* mutex_;
  };
  Task<Guard> lock();
  bool locked() const { return locked_; }

 private:
  Event free_;
  size_t waiting_ = 0;
  bool locked_ = false;
};

// One descriptor, watched edge-triggered: registered once for reading, and for writing while a writer waits. One reader and
// one writer may wait at a time.
class Watch {
 public:
  Watch(Loop& loop, int fd);
  ~Watch();
  Watch(const Watch&) = delete;

  class Wait {
   public:
    Wait(Watch& watch, short what, std::optional<Milliseconds> time)
        : watch_(watch), what_(what), time_(time) {}
    bool await_ready() const noexcept;
    void await_suspend(std::coroutine_handle<> waiter);
    void await_resume() const;  // throws IoError: timeout, cancelled

   private:
    Watch& watch_;
    short what_;
    std::optional<Milliseconds> time_;
  };
  // Ends when the descriptor may be ready; the caller tries, and on EAGAIN calls not_*() and waits
  // again.
  Wait readable(std::optional<Milliseconds> time) { return Wait(*this, EV_READ, time); }
  Wait writable(std::optional<Milliseconds> time) { return Wait(*this, EV_WRITE, time); }
  void not_readable() { ready_ &= static_cast<short>(~EV_READ); }
  void not_writable() { ready_ &= static_cast<short>(~EV_WRITE); }
  bool may_read() const { return ready_ & EV_READ; }
  // Ends all waits, now and later, with IoError::cancelled.
  void cancel();
  // Ends only a current wait for reading, as if its time were up.
  void interrupt_read();

 private:
  friend class Wait;
  struct Side {
    Watch* watch = nullptr;
    std::coroutine_handle<> waiter;
    event wake{};  // the end of its time, a cancellation; of the writer also that it may write
    bool timed_out = false;
  };
  static void fired(int, short, void* self);
  static void woken(int, short what, void* side);
  Side& side(short what) { return what == EV_READ ? read_ : write_; }
  void resume(Side& side);

  event event_{};
  Side read_, write_;
  short ready_ = 0;
  bool cancelled_ = false;
};

// Awaits all tasks, started in order and running side by side; the first exception is rethrown
// after all have ended.
Task<> when_all(Loop& loop, std::vector<Task<>> tasks);

}  // namespace dovetail::net

namespace dovetail {
using net::IoError;
using net::Loop;
}  // namespace dovetail
