// Networks as tables and match lists write them, with the incumbent's words for what is wrong with one.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/net/address.h"

namespace dovetail::lookup {

// 4 or 16 bytes; an IPv4 address that is written as IPv6 stays one of 16.
std::optional<std::string> address_bytes(std::string_view text);

// "192.168.1.0/24", "10.0.0.1", "[2001:db8::]/32", "2001:db8::1".
Result<net::Network> parse_network(std::string_view pattern);

}  // namespace dovetail::lookup
