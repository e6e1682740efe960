// Time that tests can set: wall clock for stamps and queue ids, monotonic clock for delays.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/time.h>

#include <chrono>
#include <functional>
#include <string>

namespace dovetail::base {

using Milliseconds = std::chrono::milliseconds;
using Seconds = std::chrono::seconds;

struct Wall {
  int64_t seconds = 0;  // since 1970, UTC
  int64_t microseconds = 0;
  double as_double() const {
    return static_cast<double>(seconds) + static_cast<double>(microseconds) / 1e6;
  }
  friend auto operator<=>(const Wall&, const Wall&) = default;
};

Wall wall_now();
// Since some fixed moment; never goes back.
Milliseconds monotonic_now();
// Replaces the wall clock for tests; an empty function restores the real one.
void set_wall_clock(std::function<Wall()> clock);

// strftime in local time.
std::string format_time(const char* pattern, int64_t seconds);

}  // namespace dovetail::base
