// "transport:nexthop" as main.cf parameters and transport(5) tables write it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace dovetail::mta {

struct TransportNexthop {
  std::string transport;
  std::string nexthop;
};

// A parameter value such as "lmtp:unix:private/dovecot-lmtp" or "smtp": cut at the first colon.
TransportNexthop parse_transport(std::string_view text);

// A transport(5) result on top of what was decided so far. "t:n" both; "t:" the recipient's domain is the next hop;
// ":n" only the next hop; ":" nothing changes.
void apply_transport_entry(std::string_view entry, std::string_view rcpt_domain,
                           TransportNexthop& into);

}  // namespace dovetail::mta
