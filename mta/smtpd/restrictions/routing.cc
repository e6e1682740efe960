// SPDX-License-Identifier: Apache-2.0
#include "mta/smtpd/restrictions/routing.h"

#include "common/mail/address.h"
#include "mta/smtpd/session.h"

namespace dovetail::mta::smtpd {

std::optional<std::string> checked_sender(const Session& s) {
  if (s.check.sender) return s.check.sender;
  if (s.mail) return s.mail->sender;
  return std::nullopt;
}

Task<Result<Resolution>> route_of(Session& s, std::string address) {
  if (s.mail) {
    auto known = s.mail->resolved.find(address);
    if (known != s.mail->resolved.end()) co_return known->second;
  }
  auto canonical = s.server.addresses->rewrite(address, RewriteContext::local);
  auto sender = checked_sender(s).value_or("");
  auto route = co_await s.server.addresses->resolve(std::move(sender), std::move(canonical));
  if (route && s.mail) s.mail->resolved.emplace(std::move(address), *route);
  if (!route) s.server.log.warning("{}", route.error().text);
  co_return route;
}

Task<Destination> destination_of(Session& s, std::string address) {
  auto route = co_await route_of(s, std::move(address));
  if (!route) co_return Destination::unknown;
  // No domain: local mail.
  if (!mail::split_address(route->recipient).second) co_return Destination::ours;
  // user@elsewhere@here would go on to elsewhere.
  if (route->routed && !s.parameters.allow_untrusted_routing) co_return Destination::foreign;
  co_return route->address_class == AddressClass::remote ? Destination::foreign : Destination::ours;
}

}  // namespace dovetail::mta::smtpd
