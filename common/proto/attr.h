// Attributes between the daemons of the MTA: name NUL value NUL ..., an empty name ends the list. It is what public/cleanup,
// private/rewrite, the bounce and delivery requests and `postdrop -r` speak. A name may come several times (recipients).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/net/conn.h"
#include "common/net/task.h"

namespace dovetail::proto {

// A list is at most this long unless the caller says otherwise.
inline constexpr size_t kAttrLimit = size_t{1} << 20;

class Attributes {
 public:
  Attributes& add(std::string_view name, std::string_view value);
  Attributes& add_number(std::string_view name, int64_t value);
  bool has(std::string_view name) const { return find(name) != nullptr; }
  // The first value of that name, "" if there is none.
  std::string_view get(std::string_view name) const;
  std::vector<std::string_view> get_all(std::string_view name) const;
  // 0 if missing or no number.
  int64_t get_number(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& all() const { return list_; }
  // The bytes on the wire. A NUL inside a value cannot be said and becomes '?'.
  std::string encode() const;

 private:
  const std::string* find(std::string_view name) const;
  std::vector<std::pair<std::string, std::string>> list_;
};

// Takes one list off the front of input; nullopt: not complete yet, nothing is consumed.
std::optional<Attributes> decode_attributes(std::string_view& input);

// The next list from a peer. Too long, or a value missing: an Error (permanent). Peer gone: IoError as by Conn.
Task<Result<Attributes>> read_attributes(Conn& conn, size_t limit = kAttrLimit);
// put() of the list; the caller flushes.
void put_attributes(Conn& conn, const Attributes& attributes);

}  // namespace dovetail::proto
