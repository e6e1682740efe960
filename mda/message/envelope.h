// ENVELOPE: addresses parsed leniently (RFC 5322 with the obsolete forms that exist), and the text
// IMAP gives.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mda/message/structure.h"

namespace dovetail::mda {

// As in IMAP: a group starts with only a mailbox (its name) and ends with all fields absent.
struct Address {
  std::optional<std::string> name, route, mailbox, domain;
  bool invalid = false;  // unparsable text was kept as the mailbox
};
std::vector<Address> parse_addresses(std::string_view header_value);

// The text inside ENVELOPE (...), without the parentheses.
std::string envelope_text(const EnvelopeFields& fields);

// Appends an IMAP nstring: NIL, quoted, or a literal where quoting cannot say it.
void append_nstring(std::string& out, const std::optional<std::string>& text);
void append_string(std::string& out, std::string_view text);
// For text that people read (subjects, names): runs of blanks become one, and whatever is not plain goes out as a
// literal.
void append_text(std::string& out, std::string_view text);

}  // namespace dovetail::mda
