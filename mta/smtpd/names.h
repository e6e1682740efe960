// Host names and address literals as the incumbent judges them (RFC 5321 4.1.2, 4.1.3), and SMTP paths with that rule.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/mail/address.h"

namespace dovetail::mta::smtpd {

// Labels of letters, digits, '-' and '_', not all numeric, no empty label, no '-' at either end of a label.
// utf8: labels may hold valid UTF-8 (SMTPUTF8).
bool is_hostname(std::string_view name, bool utf8 = false);
// "192.0.2.1", "2001:db8::1"; without brackets.
bool is_host_address(std::string_view text);
// "[192.0.2.1]", "[IPv6:2001:db8::1]".
bool is_address_literal(std::string_view text);

enum class Empty { allowed, refused };
// The path behind "FROM:" or "TO:", its domain judged. The address is in internal form.
Result<mail::Path> parse_smtp_path(std::string_view text, bool strict, Empty empty);

}  // namespace dovetail::mta::smtpd
