// Domain literals, and whether one is this machine: inet_interfaces and proxy_interfaces.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/net/address.h"
#include "conf/postfix/main_cf.h"

namespace dovetail::mta {

// The bytes (4 or 16) of every address mail to which is ours.
Result<std::vector<std::string>> final_addresses(const conf::MainCf& main_cf);

// "[192.0.2.1]", "[IPv6:2001:db8::1]": the address inside; nullopt: no domain literal.
std::optional<SockAddr> domain_literal(std::string_view domain);

}  // namespace dovetail::mta
