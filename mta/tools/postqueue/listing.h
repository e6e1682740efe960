// What postqueue prints about the queue: the table of mailq, or one JSON object a line. Input is what showq says.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dovetail::mta {

using ListedAttributes = std::vector<std::pair<std::string_view, std::string_view>>;
// Takes one attribute list off the front; nullopt: not whole yet. The views point into input.
std::optional<ListedAttributes> take_listed(std::string_view& input);

struct ListedRecipient {
  std::string address, reason;
};
struct ListedEntry {
  std::string queue_name, queue_id, sender;
  long time = 0, size = 0;
  bool forced_expire = false;
  std::vector<ListedRecipient> recipients;
  // nullopt: something is missing.
  static std::optional<ListedEntry> parse(const ListedAttributes& attributes);
};

// The table of mailq, a message at a time.
class QueueTable {
 public:
  explicit QueueTable(bool long_ids) : long_ids_(long_ids) {}
  std::string entry(const ListedEntry& entry);
  std::string end() const;

 private:
  bool long_ids_;
  unsigned long count_ = 0, bytes_ = 0;
};

std::string json_entry(const ListedEntry& entry);

}  // namespace dovetail::mta
