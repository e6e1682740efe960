// Threads for blocking work: disk, crypt, client libraries. The loop hands in a job and goes on
// with its value. A job holds values or an immutable snapshot, never a session, and must not touch
// the loop.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>
#include <vector>

#include "common/net/loop.h"

namespace dovetail::net {

class Pool {
 public:
  // Threads start with the first job, up to count; none are there while nobody asks.
  Pool(Loop& loop, unsigned count);
  ~Pool();  // waits for running jobs; nothing may be queued any more
  Pool(const Pool&) = delete;

  template <class F>
  class Run {
   public:
    using R = std::invoke_result_t<F&>;
    Run(Pool& pool, F& job) : pool_(pool), job_(job) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) {
      waiter_ = waiter;
      event_assign(&back_, pool_.loop_.base(), -1, 0, &Run::done, this);
      pool_.post([this] { work(); });
    }
    R await_resume() {
      if (error_) std::rethrow_exception(error_);
      if constexpr (!std::is_void_v<R>) return std::move(*value_);
    }

   private:
    void work() {
      try {
        if constexpr (std::is_void_v<R>)
          job_();
        else
          value_.emplace(job_());
      } catch (...) {
        error_ = std::current_exception();
      }
      event_active(&back_, 0, 0);
    }
    static void done(int, short, void* self) { static_cast<Run*>(self)->waiter_.resume(); }

    Pool& pool_;
    F& job_;
    std::conditional_t<std::is_void_v<R>, char, std::optional<R>> value_{};
    std::exception_ptr error_;
    std::coroutine_handle<> waiter_;
    event back_{};
  };

  // auto job = [values] { ... };  auto result = co_await pool.run(job);   An lvalue only (g++ 11,
  // 12).
  template <class F>
  Run<F> run(F& job) {
    return Run<F>(*this, job);
  }

 private:
  void post(std::function<void()> job);
  void work();

  Loop& loop_;
  unsigned count_;
  unsigned idle_ = 0;
  bool quit_ = false;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  std::vector<std::thread> threads_;
};

}  // namespace dovetail::net
