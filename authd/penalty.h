// Delays for who guesses passwords. A penalty per address (IPv6: per /48): after failures the next attempt from there
// waits 4, 8, 15 s before anything is looked up; the same wrong password again does not raise it, quiet for 15 s and a
// success end it. Attempts without an address share one record. (The incumbent keeps this in anvil.)
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/net/loop.h"

namespace dovetail::authd {

class Penalties {
 public:
  using Now = std::function<base::Milliseconds()>;
  explicit Penalties(Now now = base::monotonic_now) : now_(std::move(now)) {}

  // Without anvil's socket for them there are none, as in the incumbent: service anvil { unix_listener anvil-auth-penalty
  // { mode = 0 } }.
  void disable() { enabled_ = false; }
  // The record an address counts for.
  static std::string ident(const std::string& ip);
  struct Found {
    unsigned penalty = 0;
    base::Milliseconds wait{0};
  };
  Found look_up(const std::string& ident);
  // checksum: of user and password; penalty: what look_up() said before this attempt.
  void failed(const std::string& ident, uint32_t checksum, unsigned penalty);
  void succeeded(const std::string& ident);
  size_t size() const { return records_.size(); }

 private:
  struct Record {
    unsigned penalty = 0;
    base::Milliseconds last{0};
    std::array<uint32_t, 8> checksums{};  // latest first, 0: none
  };
  void sweep();

  Now now_;
  bool enabled_ = true;
  std::map<std::string, Record, std::less<>> records_;
  base::Milliseconds swept_{0};
};

// Failures are answered together at ticks, in shuffled order, so that neither the time an answer took nor its place tells
// why it failed.
class FailureQueue {
 public:
  // auth_failure_delay; without one the incumbent, too, answers at the next tick, half a second later.
  FailureQueue(net::Loop& loop, base::Milliseconds delay);
  // Calls answer after the delay, up to half a second later.
  void add(std::function<void()> answer);
  size_t size() const { return waiting_.size(); }

 private:
  struct Waiting {
    base::Milliseconds ready;
    std::function<void()> answer;
  };
  void tick();

  base::Milliseconds delay_;
  std::deque<Waiting> waiting_;
  net::Timer timer_;
};

}  // namespace dovetail::authd
