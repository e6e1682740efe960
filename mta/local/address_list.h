// The right side of an alias and the lines of a .forward or :include: file: addresses, "|command", "/file/name",
// ":include:/file", "\user". Manual: aliases(5), local(8).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dovetail::mta {

struct Destination {
  enum Kind { address, command, file, include, mailbox };
  Kind kind = address;
  std::string
      text;  // internal form of the address; the command; the path; of "\user" the address without '\'
  friend bool operator==(const Destination&, const Destination&) = default;
};

// One value: members between commas, in quotes where they hold blanks or commas; "Name <address>" and (comments) as in
// a header.
std::vector<Destination> parse_alias_value(std::string_view value);
// A file of them: one or more per line, '#' begins a comment line, leading blanks continue a line.
std::vector<Destination> parse_forward(std::string_view content);

}  // namespace dovetail::mta
