// SPDX-License-Identifier: Apache-2.0
#include "common/base/clock.h"

#include <ctime>

namespace dovetail::base {

static std::function<Wall()>& replaced_clock() {
  static std::function<Wall()> clock;
  return clock;
}

void set_wall_clock(std::function<Wall()> clock) {
  replaced_clock() = std::move(clock);
}

Wall wall_now() {
  if (auto& clock = replaced_clock()) return clock();
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return {now.tv_sec, now.tv_nsec / 1000};
}

Milliseconds monotonic_now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return Milliseconds(now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

std::string format_time(const char* pattern, int64_t seconds) {
  time_t when = seconds;
  tm parts{};
  localtime_r(&when, &parts);
  char text[128];
  return std::string(text, strftime(text, sizeof text, pattern, &parts));
}

}  // namespace dovetail::base
