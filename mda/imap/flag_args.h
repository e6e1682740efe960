// Flags as a client gives them to STORE and APPEND: system flags and keywords (RFC 3501 2.3.2).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "mda/imap/args.h"

namespace dovetail::mda::imap {

struct FlagArgs {
  uint8_t flags = 0;  // MailFlag bits
  std::vector<std::string> keywords{};
};

// Errors are BAD texts ("Invalid system flag \FOO"); \Recent cannot be given.
Result<FlagArgs> parse_flag_args(const Args& list, size_t first, size_t max_keyword_length);

}  // namespace dovetail::mda::imap
