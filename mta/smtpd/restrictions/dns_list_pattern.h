// The pattern behind '=' of a DNS list: four octets, each a number or a set in brackets: "127.0.0.[2;4..6]".
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace dovetail::mta::smtpd {

bool is_dns_list_pattern(std::string_view pattern);
// False also for a pattern that is none.
bool matches_dns_list_pattern(std::string_view pattern, std::string_view address);

}  // namespace dovetail::mta::smtpd
