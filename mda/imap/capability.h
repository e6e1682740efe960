// What the server says it can do (RFC 3501 7.2.1), before and after login. Only what works is in the lists.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace dovetail::mda::imap {

// imap_capability: empty, the whole list, or "+XFOO" to add to ours.
std::string capability_after_login(std::string_view imap_capability, bool imap_literal_minus);
// The part that does not depend on TLS and mechanisms.
std::string capability_before_login(std::string_view imap_capability, bool imap_literal_minus);

// The answer to ID (RFC 2971) from imap_id_send: "name *" gives ("name" "Dovecot"); "*" stands for our own value.
std::string id_response(std::string_view imap_id_send);

}  // namespace dovetail::mda::imap
