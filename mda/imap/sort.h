// Orders messages for SORT (RFC 5256 3, DISPLAY keys RFC 5957).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/net/task.h"
#include "mda/imap/args.h"
#include "mda/storage/types.h"

namespace dovetail::mda::imap {

class Session;

struct SortKey {
  enum class Kind : uint8_t {
    arrival,
    cc,
    date,
    from,
    size,
    subject,
    to,
    display_from,
    display_to
  };
  Kind kind = Kind::arrival;
  bool reverse = false;
};

// (REVERSE DATE SUBJECT); errors are BAD texts.
Result<std::vector<SortKey>> parse_sort_keys(const Args& list);

// One message's value for one key: numbers are compared first, then texts.
struct SortValue {
  int64_t number = 0;
  std::string text{};
  friend auto operator<=>(const SortValue&, const SortValue&) = default;
};
// Uids come in ascending order; messages with equal keys keep it.
Task<Result<std::vector<Uid>>> sort_messages(Session& session, std::vector<Uid> uids,
                                             std::vector<SortKey> keys);

}  // namespace dovetail::mda::imap
