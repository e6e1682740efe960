// How values are written in responses and read from arguments: astring, literal, dates (RFC 3501 9). Strings and
// nstrings are mda/message/envelope.h's. All append to the text that is being made.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dovetail::mda::imap {

// An atom if that is possible, else a string: mailbox names.
void append_astring(std::string& out, std::string_view text);
void append_literal(std::string& out, std::string_view bytes);
// "02-Jan-2024 03:04:05 +0000", in local time.
void append_internal_date(std::string& out, int64_t seconds);

struct InternalDate {
  int64_t seconds = 0;  // since 1970, UTC
  int offset = 0;       // minutes east
};
// RFC 3501 9 date-time: "02-Jan-2024 03:04:05 +0000"; the day may have one digit or a blank.
std::optional<InternalDate> parse_internal_date(std::string_view text);
// RFC 3501 9 date: "2-Jan-2024", as days since 1970.
std::optional<int64_t> parse_date(std::string_view text);

}  // namespace dovetail::mda::imap
