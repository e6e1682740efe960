// SPDX-License-Identifier: Apache-2.0
#include "mta/anvil/counters.h"

#include "common/base/clock.h"
#include "common/base/text.h"

namespace dovetail::mta::anvil {
namespace {

constexpr std::string_view event_words[kEventCount] = {"connection", "message", "recipient",
                                                       "newtls", "auth"};

std::string peak_stamp(int64_t seconds) {
  return base::format_time("%b %e %H:%M:%S", seconds);
}

}  // namespace

void Counters::note(Peak& peak, int value, std::string_view ident, int64_t now) {
  if (value <= peak.value) return;
  peak.value = value;
  peak.ident = ident;
  peak.when = now;
}

const Entry& Counters::count(std::string_view ident, Event event, int64_t now) {
  auto found = entries_.find(ident);
  if (found == entries_.end()) {
    found = entries_.emplace(ident, Entry{}).first;
    found->second.unit_began = now;
    note(size_peak_, static_cast<int>(entries_.size()), "", now);
  }
  auto& entry = found->second;
  if (now - entry.unit_began >= time_unit_) {
    entry.rates.fill(0);
    entry.unit_began = now;
  }
  auto index = static_cast<size_t>(event);
  note(rate_peaks_[index], ++entry.rates[index], ident, now);
  if (event == Event::connection) note(count_peak_, ++entry.connections, ident, now);
  return entry;
}

void Counters::disconnect(std::string_view ident) {
  auto found = entries_.find(ident);
  if (found != entries_.end() && found->second.connections > 0) --found->second.connections;
}

Entry Counters::look(std::string_view ident, int64_t now) const {
  auto found = entries_.find(ident);
  if (found == entries_.end()) return {};
  auto entry = found->second;
  if (now - entry.unit_began >= time_unit_) entry.rates.fill(0);
  return entry;
}

void Counters::expire(int64_t now) {
  std::erase_if(entries_, [&](const auto& one) {
    return one.second.connections == 0 && now - one.second.unit_began >= time_unit_;
  });
}

std::vector<std::string> Counters::report() {
  std::vector<std::string> lines;
  for (size_t i = 0; i < kEventCount; ++i) {
    auto& peak = rate_peaks_[i];
    if (peak.value > 0) {
      lines.push_back(base::format("statistics: max {} rate {}/{}s for ({}) at {}", event_words[i],
                                   peak.value, time_unit_, peak.ident, peak_stamp(peak.when)));
    }
    if (i == 0 && count_peak_.value > 0) {
      lines.push_back(base::format("statistics: max connection count {} for ({}) at {}",
                                   count_peak_.value, count_peak_.ident,
                                   peak_stamp(count_peak_.when)));
    }
    peak = {};
  }
  if (size_peak_.value > 0) {
    lines.push_back(base::format("statistics: max cache size {} at {}", size_peak_.value,
                                 peak_stamp(size_peak_.when)));
  }
  count_peak_ = size_peak_ = {};
  return lines;
}

}  // namespace dovetail::mta::anvil
