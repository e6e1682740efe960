// The machine's own addresses as main.cf names them: inet_interfaces, inet_protocols, proxy_interfaces.
// Host names are resolved once, at start, as the incumbent does.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/net/address.h"

namespace dovetail::mta {

// inet_interfaces: "all", "loopback-only", or host names and addresses; inet_protocols: "all", "ipv4", "ipv6".
Result<std::vector<SockAddr>> own_addresses(std::string_view inet_interfaces,
                                            std::string_view inet_protocols);
// proxy_interfaces: names and addresses of relays in front.
Result<std::vector<SockAddr>> proxy_addresses(std::string_view proxy_interfaces,
                                              std::string_view inet_protocols);

// "[192.0.2.1]", "[IPv6:2001:db8::1]": the address inside; nullopt: no domain literal.
std::optional<SockAddr> domain_literal(std::string_view domain);
bool contains_address(const std::vector<SockAddr>& list, const SockAddr& address);

}  // namespace dovetail::mta
