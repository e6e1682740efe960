// SPDX-License-Identifier: Apache-2.0
#include "authd/cache.h"

#include <algorithm>

namespace dovetail::authd {

const AuthCache::Answer* AuthCache::find(const std::string& key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  const auto entry = found->second;
  const auto limit = entry->answer.known ? ttl_ : negative_ttl_;
  if (base::monotonic_now() - entry->made > limit) {
    erase(entry);
    return nullptr;
  }
  entries_.splice(entries_.begin(), entries_, entry);
  return &entry->answer;
}

void AuthCache::put(const std::string& key, std::string_view user, Answer answer) {
  if (const auto old = by_key_.find(key); old != by_key_.end()) erase(old->second);
  if (!answer.known && negative_ttl_.count() == 0) return;
  Entry entry{key, std::string(user), std::move(answer), base::monotonic_now(), 0};
  entry.bytes = sizeof(Entry) + 2 * key.size() + user.size();
  for (const auto& field : entry.answer.fields)
    entry.bytes += field.name.size() + field.value.size() + sizeof(field);
  if (entry.bytes > max_bytes_) return;
  bytes_ += entry.bytes;
  entries_.push_front(std::move(entry));
  by_key_[key] = entries_.begin();
  while (bytes_ > max_bytes_) erase(std::prev(entries_.end()));
}

unsigned AuthCache::flush(const std::vector<std::string>& users) {
  unsigned gone = 0;
  for (auto at = entries_.begin(); at != entries_.end();) {
    const auto entry = at++;
    if (!users.empty() && std::find(users.begin(), users.end(), entry->user) == users.end())
      continue;
    erase(entry);
    ++gone;
  }
  return gone;
}

void AuthCache::erase(std::list<Entry>::iterator entry) {
  bytes_ -= entry->bytes;
  by_key_.erase(entry->key);
  for (auto& field : entry->answer.fields) base::wipe(field.value);
  entries_.erase(entry);
}

}  // namespace dovetail::authd
