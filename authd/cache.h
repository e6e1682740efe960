// auth_cache_*: what databases answered, for a while. Keyed by database, user and the values of the % variables its query
// uses. Failures of a database are never remembered; a changed password shows as a mismatch, and then the chain asks again.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "authd/passdb/passdb.h"
#include "common/base/clock.h"

namespace dovetail::authd {

class AuthCache {
 public:
  AuthCache(uint64_t max_bytes, std::chrono::seconds ttl, std::chrono::seconds negative_ttl)
      : max_bytes_(max_bytes), ttl_(ttl), negative_ttl_(negative_ttl) {}
  bool enabled() const { return max_bytes_ > 0; }

  struct Answer {
    bool known = false;  // the user exists
    std::vector<FieldTemplate> fields;
  };
  // nullptr: not here, or too old.
  const Answer* find(const std::string& key);
  void put(const std::string& key, std::string_view user, Answer answer);
  // All entries of these users, or all; says how many went.
  unsigned flush(const std::vector<std::string>& users);

 private:
  struct Entry {
    std::string key, user;
    Answer answer;
    base::Milliseconds made{0};
    size_t bytes = 0;
  };
  void erase(std::list<Entry>::iterator entry);

  uint64_t max_bytes_;
  base::Milliseconds ttl_, negative_ttl_;
  uint64_t bytes_ = 0;
  std::list<Entry> entries_;  // most recently used first
  std::map<std::string, std::list<Entry>::iterator, std::less<>> by_key_;
};

}  // namespace dovetail::authd
