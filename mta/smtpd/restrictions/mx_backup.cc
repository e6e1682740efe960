// permit_mx_backup: this machine is one of the mail exchangers of the recipient's domain, and, with
// permit_mx_backup_networks, the best ones are in networks that have agreed to it.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "common/base/text.h"
#include "common/mail/address.h"
#include "mta/smtpd/restrictions/routing.h"
#include "mta/smtpd/restrictions/verbs.h"
#include "mta/smtpd/session.h"

namespace dovetail::mta::smtpd {
namespace {

enum class Told { yes, no, unsure };

Task<std::optional<std::vector<SockAddr>>> mx_addresses(Check& c, std::string host) {
  auto found = co_await c.s.server.dns->host_addresses(host, true, true);
  if (found.status == net::DnsStatus::temporary) co_return std::nullopt;
  co_return std::move(found.records);
}

std::string literal_of(const SockAddr& address) {
  return (address.family() == AF_INET6 ? "[IPv6:" : "[") + address.host() + "]";
}

Task<Told> any_is_ours(Check& c, const std::vector<net::MxRecord>& exchangers) {
  bool unsure = false;
  for (auto& mx : exchangers) {
    if (base::iequals(mx.host, c.s.parameters.myhostname)) co_return Told::yes;
    auto addresses = co_await mx_addresses(c, mx.host);
    unsure |= !addresses;
    for (auto& address : addresses ? *addresses : std::vector<SockAddr>()) {
      auto own = co_await c.s.server.addresses->is_local_domain(literal_of(address));
      if (own && *own) co_return Told::yes;
      unsure |= !own;
    }
  }
  co_return unsure ? Told::unsure : Told::no;
}

// Every address of every best exchanger.
Task<Told> best_are_agreed(Check& c, const std::vector<net::MxRecord>& exchangers) {
  auto by_preference = [](auto& a, auto& b) { return a.preference < b.preference; };
  int best = std::min_element(exchangers.begin(), exchangers.end(), by_preference)->preference;
  for (auto& mx : exchangers) {
    if (mx.preference != best) continue;
    auto addresses = co_await mx_addresses(c, mx.host);
    if (!addresses) co_return Told::unsure;
    if (addresses->empty()) co_return Told::no;
    for (auto& address : *addresses) {
      auto inside = co_await c.s.server.mx_backup_networks.match_client(mx.host, address.host());
      if (!inside) co_return Told::unsure;
      if (!*inside) co_return Told::no;
    }
  }
  co_return Told::yes;
}

}  // namespace

Task<Verdict> permit_mx_backup(Check& c, const Restriction&) {
  auto& recipient = c.s.check.recipient;
  if (!recipient) co_return Verdict::dunno;
  auto route = co_await route_of(c.s, *recipient);
  if (!route) co_return c.lookup_failed(*recipient);
  auto domain = std::string(mail::split_address(route->recipient).second.value_or(""));
  if (domain.empty() || route->address_class != AddressClass::remote) co_return Verdict::ok;
  if (route->routed || domain.front() == '[') co_return Verdict::dunno;
  auto unsure = [&] {
    return c.defer_if_permit(450, "4.4.4",
                             c.rejected("Unable to look up mail exchanger information"));
  };
  auto mx = co_await c.s.server.dns->mx(domain);
  if (mx.status == net::DnsStatus::temporary) co_return unsure();
  if (mx.records.empty()) co_return Verdict::dunno;
  auto ours = co_await any_is_ours(c, mx.records);
  if (ours == Told::unsure) co_return unsure();
  if (ours == Told::no) co_return Verdict::dunno;
  if (c.s.parameters.permit_mx_backup_networks.empty()) co_return Verdict::ok;
  auto agreed = co_await best_are_agreed(c, mx.records);
  if (agreed == Told::unsure) co_return unsure();
  co_return agreed == Told::yes ? Verdict::ok : Verdict::dunno;
}

}  // namespace dovetail::mta::smtpd
