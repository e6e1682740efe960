// SPDX-License-Identifier: Apache-2.0
#include "mda/broker/containment.h"

#include <algorithm>

namespace dovetail::mda {

namespace {
constexpr base::Milliseconds kRemembered{600000};
constexpr base::Milliseconds kFirstPause{2000}, kLongestPause{60000};
}  // namespace

Containment::Record* Containment::recent(const std::string& user) {
  auto found = records_.find(user);
  if (found == records_.end() || now_() - found->second.last >= kRemembered) return nullptr;
  return &found->second;
}

std::set<std::string> Containment::crashed(const std::set<std::string>& users) {
  auto now = now_();
  std::erase_if(records_, [&](auto& row) { return now - row.second.last >= kRemembered; });
  std::set<std::string> alone;
  for (auto& user : users) {
    auto& record = records_[user];
    record.last = now;
    if (++record.crashes == 2) alone.insert(user);
    if (record.crashes >= 2)
      record.pause = std::clamp(record.pause * 2, kFirstPause, kLongestPause);
  }
  return alone;
}

bool Containment::alone(const std::string& user) {
  auto* record = recent(user);
  return record && record->crashes >= 2;
}

base::Milliseconds Containment::wait(const std::string& user) {
  auto* record = recent(user);
  if (!record) return base::Milliseconds(0);
  return std::max(base::Milliseconds(0), record->last + record->pause - now_());
}

}  // namespace dovetail::mda
