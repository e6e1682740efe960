// check_*_{mx,a,ns}_access: what a table says about the hosts behind a name: its mail exchangers, its own addresses, its
// name servers.
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "common/mail/address.h"
#include "mta/smtpd/names.h"
#include "mta/smtpd/restrictions/action.h"
#include "mta/smtpd/restrictions/routing.h"
#include "mta/smtpd/restrictions/verbs.h"
#include "mta/smtpd/session.h"

namespace dovetail::mta::smtpd {
namespace {

enum class Behind { mx, a, ns };

// The name servers of the zone the name is in: of the name itself, else of the nearest name above it.
Task<Result<std::vector<std::string>>> name_servers(Check& c, std::string domain) {
  for (;;) {
    auto found = co_await c.s.server.dns->ns(domain);
    if (found.status == net::DnsStatus::temporary) co_return temporary("DNS lookup failed");
    if (found.status == net::DnsStatus::ok) co_return std::move(found.records);
    auto dot = domain.find('.');
    if (dot == domain.npos || domain.find('.', dot + 1) == domain.npos)
      co_return std::vector<std::string>();
    domain.erase(0, dot + 1);
  }
}

// The names to ask about; nothing found is nothing to say, trouble with the DNS is a deferral should all else permit.
Task<Result<std::vector<std::string>>> hosts_behind(Check& c, std::string domain, Behind kind) {
  std::vector<std::string> hosts;
  if (kind == Behind::a) {
    hosts.push_back(std::move(domain));
    co_return hosts;
  }
  if (kind == Behind::ns) {
    auto servers = co_await name_servers(c, std::move(domain));
    co_return servers;
  }
  auto mx = co_await c.s.server.dns->mx(domain);
  if (mx.status == net::DnsStatus::temporary) co_return temporary("DNS lookup failed");
  for (auto& record : mx.records) {
    if (!record.host.empty()) hosts.push_back(record.host);
  }
  if (mx.status == net::DnsStatus::no_data) hosts.push_back(std::move(domain));  // RFC 5321 5.1
  co_return hosts;
}

Task<Verdict> ask_one_host(Check& inner, const Restriction& r, std::string host) {
  auto keys = domain_keys(host, inner.s.server.parents_match_access);
  auto verdict = co_await ask_table(inner, r, std::move(keys));
  if (verdict != Verdict::dunno) co_return verdict;
  auto addresses = co_await inner.s.server.dns->host_addresses(host, true, true);
  if (addresses.status == net::DnsStatus::temporary) {
    inner.s.server.log.warning("Unable to look up addresses of {} for {}", base::printable(host),
                               r.name);
    inner.defer_if_permit(450, "4.3.0", inner.rejected("Temporary lookup failure"));
    co_return Verdict::dunno;
  }
  for (auto& address : addresses.records) {
    auto networks = network_keys(address.host());
    verdict = co_await ask_table(inner, r, std::move(networks));
    if (verdict != Verdict::dunno) co_return verdict;
  }
  co_return Verdict::dunno;
}

Task<Verdict> ask_behind(Check& c, const Restriction& r, std::string subject,
                         std::string_view reply_class, std::string domain, Behind kind) {
  if (domain.empty() || !is_hostname(domain)) co_return Verdict::dunno;
  Check inner(c.s, std::move(subject), reply_class, c.access);
  inner.warn_if_reject = c.warn_if_reject;
  inner.depth = c.depth;
  auto hosts = co_await hosts_behind(inner, std::move(domain), kind);
  if (!hosts) {
    inner.defer_if_permit(450, "4.3.0", inner.rejected("Temporary lookup failure"));
    co_return Verdict::dunno;
  }
  auto verdict = Verdict::dunno;
  for (auto& host : *hosts) {
    verdict = co_await ask_one_host(inner, r, host);
    if (verdict != Verdict::dunno) break;
  }
  c.refusal = inner.refusal;
  // Whoever runs these hosts could otherwise permit himself: an OK here is no permission.
  if (verdict == Verdict::ok) {
    c.s.server.log.warning(
        "restriction {} returns OK for {}: this is not allowed, use DUNNO for an exception", r.name,
        inner.subject);
    co_return Verdict::dunno;
  }
  co_return verdict;
}

std::string domain_of(const std::optional<std::string>& address) {
  if (!address) return {};
  return std::string(mail::split_address(*address).second.value_or(""));
}

Task<Verdict> ask_client(Check& c, const Restriction& r, Behind kind) {
  co_return co_await ask_behind(c, r, c.s.client.text(), kClientHost, c.s.client.name, kind);
}
Task<Verdict> ask_reverse(Check& c, const Restriction& r, Behind kind) {
  co_return co_await ask_behind(c, r, c.s.client.reverse_name, kClientHost, c.s.client.reverse_name,
                                kind);
}
Task<Verdict> ask_helo(Check& c, const Restriction& r, Behind kind) {
  auto name = c.s.helo.value_or("");
  co_return co_await ask_behind(c, r, name, kHeloCommand, name, kind);
}
Task<Verdict> ask_sender(Check& c, const Restriction& r, Behind kind) {
  auto sender = checked_sender(c.s);
  co_return co_await ask_behind(c, r, sender.value_or(""), kSenderAddress, domain_of(sender), kind);
}
Task<Verdict> ask_recipient(Check& c, const Restriction& r, Behind kind) {
  auto recipient = c.s.check.recipient;
  co_return co_await ask_behind(c, r, recipient.value_or(""), kRecipientAddress,
                                domain_of(recipient), kind);
}

}  // namespace

Task<Verdict> check_client_mx_access(Check& c, const Restriction& r) {
  return ask_client(c, r, Behind::mx);
}
Task<Verdict> check_client_a_access(Check& c, const Restriction& r) {
  return ask_client(c, r, Behind::a);
}
Task<Verdict> check_reverse_client_hostname_mx_access(Check& c, const Restriction& r) {
  return ask_reverse(c, r, Behind::mx);
}
Task<Verdict> check_reverse_client_hostname_a_access(Check& c, const Restriction& r) {
  return ask_reverse(c, r, Behind::a);
}
Task<Verdict> check_helo_mx_access(Check& c, const Restriction& r) {
  return ask_helo(c, r, Behind::mx);
}
Task<Verdict> check_helo_a_access(Check& c, const Restriction& r) {
  return ask_helo(c, r, Behind::a);
}
Task<Verdict> check_sender_mx_access(Check& c, const Restriction& r) {
  return ask_sender(c, r, Behind::mx);
}
Task<Verdict> check_sender_a_access(Check& c, const Restriction& r) {
  return ask_sender(c, r, Behind::a);
}
Task<Verdict> check_recipient_mx_access(Check& c, const Restriction& r) {
  return ask_recipient(c, r, Behind::mx);
}
Task<Verdict> check_recipient_a_access(Check& c, const Restriction& r) {
  return ask_recipient(c, r, Behind::a);
}
Task<Verdict> check_client_ns_access(Check& c, const Restriction& r) {
  return ask_client(c, r, Behind::ns);
}
Task<Verdict> check_reverse_client_hostname_ns_access(Check& c, const Restriction& r) {
  return ask_reverse(c, r, Behind::ns);
}
Task<Verdict> check_helo_ns_access(Check& c, const Restriction& r) {
  return ask_helo(c, r, Behind::ns);
}
Task<Verdict> check_sender_ns_access(Check& c, const Restriction& r) {
  return ask_sender(c, r, Behind::ns);
}
Task<Verdict> check_recipient_ns_access(Check& c, const Restriction& r) {
  return ask_recipient(c, r, Behind::ns);
}

}  // namespace dovetail::mta::smtpd
