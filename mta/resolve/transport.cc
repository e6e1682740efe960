// SPDX-License-Identifier: Apache-2.0
#include "mta/resolve/transport.h"

#include "common/base/text.h"

namespace dovetail::mta {

TransportNexthop parse_transport(std::string_view text) {
  auto [transport, nexthop] = base::cut(base::trim(text), ':');
  return {std::string(transport), std::string(nexthop.value_or(""))};
}

void apply_transport_entry(std::string_view entry, std::string_view rcpt_domain,
                           TransportNexthop& into) {
  TransportNexthop wanted = parse_transport(entry);
  if (wanted.transport.empty() && wanted.nexthop.empty()) return;
  if (!wanted.transport.empty()) into.transport = wanted.transport;
  if (!wanted.nexthop.empty())
    into.nexthop = wanted.nexthop;
  else if (into.transport == "error")
    into.nexthop = "Address is undeliverable";
  else
    into.nexthop = rcpt_domain;
}

}  // namespace dovetail::mta
