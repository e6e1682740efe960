// Names of Maildir files: making unique ones, and the words in them: "TIME.MusecPpidQn.host,S=size,W=vsize:2,FLAGS".
// Letters: D F R S T are flags, P and others are kept, a-z are keywords by their number in dovecot-keywords.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mda/storage/types.h"

namespace dovetail::mda {

inline constexpr unsigned kKeywordLetters = 26;

// A name no other process of this or another host makes; ends before ",S=".
std::string unique_maildir_name(std::string_view hostname);

// The name without its suffix.
std::string_view maildir_base(std::string_view file);

struct NameFlags {
  uint8_t flags = 0;
  KeywordSet keywords = 0;  // only numbers 0..25
  std::string others;       // letters that mean nothing to us, kept
};
NameFlags parse_name_flags(std::string_view file);
// base + ":2," + letters in the order the incumbent writes them. `others` from parse_name_flags.
std::string maildir_name(std::string_view base, const NameFlags& flags);

// ",S=n" and ",W=n" inside a base name.
std::optional<uint64_t> physical_size_in_name(std::string_view file);
std::optional<uint64_t> virtual_size_in_name(std::string_view file);

// Order of messages that get their uids together: by the seconds in the name, then the microseconds, then the text.
bool maildir_name_before(std::string_view a, std::string_view b);

}  // namespace dovetail::mda
