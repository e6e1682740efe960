// The Date: of a message (RFC 5322 3.3) as the incumbents write it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace dovetail::mail {

// "Fri, 20 Nov 2026 11:58:33 +0000 (UTC)" in local time; English names whatever the locale.
std::string header_date(int64_t seconds);

}  // namespace dovetail::mail
