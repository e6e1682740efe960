// What anvil counts: per service and client, connections now, and events in the current time unit. Pure bookkeeping;
// the protocol is session.h's.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace dovetail::mta::anvil {

enum class Event { connection, message, recipient, new_tls, auth };
inline constexpr size_t kEventCount = 5;

struct Entry {
  int connections = 0;
  std::array<int, kEventCount> rates{};
  int64_t unit_began = 0;  // seconds
};

// The highest figure since the last report, and whose.
struct Peak {
  int value = 0;
  std::string ident;
  int64_t when = 0;
};

class Counters {
 public:
  explicit Counters(int64_t time_unit) : time_unit_(time_unit) {}

  // The entry after counting; a new time unit begins when the old one is over.
  const Entry& count(std::string_view ident, Event event, int64_t now);
  void disconnect(std::string_view ident);
  // The entry as it stands now; zeros if there is none.
  Entry look(std::string_view ident, int64_t now) const;
  // Drops clients without a connection whose time unit is over.
  void expire(int64_t now);
  // The incumbent's "statistics: ..." lines; the peaks begin anew.
  std::vector<std::string> report();
  size_t size() const { return entries_.size(); }

 private:
  void note(Peak& peak, int value, std::string_view ident, int64_t now);

  int64_t time_unit_;
  std::map<std::string, Entry, std::less<>> entries_;
  std::array<Peak, kEventCount> rate_peaks_;
  Peak count_peak_, size_peak_;
};

}  // namespace dovetail::mta::anvil
