// Header fields of one block: finding, unfolding, decoding to UTF-8, dates and message ids (RFC
// 5322, 2047, 5256).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dovetail::mda {

struct HeaderField {
  std::string_view name;   // without the colon and blanks before it
  std::string_view value;  // behind the colon, still folded, without the last line end
  std::string_view whole;  // the field with its line ends
};

// All fields of a block, in order; lines without a colon are skipped. The views point into the
// block.
std::vector<HeaderField> parse_header_block(std::string_view block);

// Folded lines joined, leading blanks gone; CR, LF and NUL never remain.
std::string unfold(std::string_view value);
// Unfolded and with encoded words (RFC 2047) decoded; always valid UTF-8.
std::string decode_header(std::string_view value);
// First field of that name, unfolded.
std::optional<std::string> find_header(const std::vector<HeaderField>& fields,
                                       std::string_view name);

struct MessageDate {
  int64_t seconds = 0;   // UTC
  int zone_minutes = 0;  // east of UTC
};
std::optional<MessageDate> parse_message_date(std::string_view text);

// "<a@b>" ids in a References or In-Reply-To value, without brackets, blanks removed (RFC 5256
// THREAD).
std::vector<std::string> message_ids(std::string_view value);

// Base subject of RFC 5256 2.1, folded for comparison. `is_reply` tells whether something like Re:
// or (fwd) was removed.
std::string base_subject(std::string_view raw_value, bool* is_reply = nullptr);
// Text folded for SEARCH and SORT: case and (as i;unicode-casemap) compatibility forms; UTF-8 in,
// UTF-8 out.
std::string search_fold(std::string_view utf8);

}  // namespace dovetail::mda
