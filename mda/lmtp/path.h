// Addresses between angle brackets, as MAIL FROM and RCPT TO of LMTP carry them (RFC 5321 4.1.2), and the detail of a
// mailbox name behind recipient_delimiter. Whether the mailbox exists is not known here.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"

namespace dovetail::mda::lmtp {

struct Path {
  std::string local;   // without quotes
  std::string domain;  // empty: none was given

  bool null() const { return local.empty() && domain.empty(); }
  // The local part is quoted only where it has to be.
  std::string text() const;
};

struct PathRules {
  bool allow_null = false;        // <> (RFC 5321 4.5.5)
  bool allow_local_only = false;  // <frank>
  // lmtp_client_workarounds
  bool whitespace_before_path = false;
  bool mailbox_for_path = false;  // without < and >
};

struct ParsedPath {
  Path path;
  std::string parameters;  // what follows, without blanks around
};

// A source route is skipped (RFC 5321 4.1.1.3). The error's text is for the reply.
Result<ParsedPath> parse_path(std::string_view text, const PathRules& rules);

// frank+lists@example.org with "+": user "frank@example.org", detail "lists". The first of the delimiters counts; a
// name that begins with one has no detail.
struct DetailParts {
  std::string user, detail;
};
DetailParts split_detail(const Path& path, std::string_view recipient_delimiter);

}  // namespace dovetail::mda::lmtp
