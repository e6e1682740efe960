// The text files bounce/ID, defer/ID and trace/ID: why each recipient failed, is late, or was
// delivered. An entry: blank line, "<recipient>: reason" for people, then name=value lines up to
// the next blank line. Appending takes an exclusive flock; reading ignores what it does not know.
// Blocking.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "mta/queue/directories.h"

namespace dovetail::mta {

struct BounceEntry {
  std::string recipient, original_recipient;
  off_t offset = 0;  // of the R record
  std::string dsn_orig_rcpt;
  int notify_flags = 0;
  std::string status,
      action;  // "5.1.1", "failed" | "delayed" | "delivered" | "relayed" | "expanded"
  std::string diag_type, diag_text, mta_type, mta_mname;
  std::string reason;
};

std::string format_bounce_entry(const BounceEntry& entry);
// log: "bounce", "defer" or "trace".
Result<void> append_bounce_entry(const QueueDirectories& directories, std::string_view log,
                                 std::string_view queue_id, const BounceEntry& entry);
// No file: an empty list.
Result<std::vector<BounceEntry>> read_bounce_log(const QueueDirectories& directories,
                                                 std::string_view log, std::string_view queue_id);
std::vector<BounceEntry> parse_bounce_log(std::string_view text);

}  // namespace dovetail::mta
