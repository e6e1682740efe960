// LIST patterns: '*' takes everything, '%' everything but the separator (RFC 3501 6.3.8).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace dovetail::mda {

bool list_match(std::string_view pattern, std::string_view name, char separator);
// INBOX in any case at the start of pattern and name.
bool list_match_inbox(std::string_view pattern, std::string_view name, char separator);

}  // namespace dovetail::mda
