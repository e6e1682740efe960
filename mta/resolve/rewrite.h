// Address text to canonical form: source routes, bang paths, the percent hack, missing domains, trailing dots.
// Pure text; parameters in, address out. Manual: trivial-rewrite(8).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace dovetail::mta {

struct RewriteParameters {
  bool swap_bangpath = true;
  bool allow_percent_hack = true;
  bool append_at_myorigin = true;
  bool append_dot_mydomain = false;
  std::string myorigin, mydomain;
  std::string remote_header_rewrite_domain;
  std::string recipient_delimiter;
};

// Internal form in and out. A quoted local part ("a@b"@c, internally a@b@c) is not searched for operators.
std::string rewrite_address(std::string_view internal, const RewriteParameters& parameters,
                            bool remote);

// The same for the part before a local domain, whose operators mean routing even where quotes hid them.
std::string rewrite_local_part(std::string_view local, const RewriteParameters& parameters);

}  // namespace dovetail::mta
