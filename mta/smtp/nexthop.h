// Next hops as text: "example.org", "[mail.example.org]:587", "unix:private/dovecot-lmtp", "inet:host:24", lists of them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace dovetail::mta {

struct Nexthop {
  std::string text;  // as given, the key of tables
  std::string host;  // domain, host or address; empty for a socket
  std::string unix_path;
  std::string port;     // name or number; empty: the default
  bool use_mx = false;  // no brackets, not LMTP
};

// Commas and blanks separate; an error is of fault permanent ("bad destination").
Result<std::vector<Nexthop>> parse_nexthops(std::string_view text, bool lmtp);

}  // namespace dovetail::mta
