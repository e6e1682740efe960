// Verbs that judge the form and the domain of sender and recipient.
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "common/mail/address.h"
#include "mta/smtpd/names.h"
#include "mta/smtpd/restrictions/dns_find.h"
#include "mta/smtpd/restrictions/routing.h"
#include "mta/smtpd/restrictions/verbs.h"
#include "mta/smtpd/session.h"

namespace dovetail::mta::smtpd {

using base::format;

namespace {

std::string address_rejected(const std::string& address, std::string_view reply_class,
                             std::string_view text) {
  return format("<{}>: {} rejected: {}", mail::quote_address(address), reply_class, text);
}

Verdict refuse_non_fqdn(Check& c, const std::string& address, std::string_view reply_class) {
  if (address.empty()) return Verdict::dunno;
  auto domain = mail::split_address(address).second.value_or("");
  auto name = base::trim_right(domain, ".");
  bool literal = !domain.empty() && domain.front() == '[';
  bool good = literal ? is_address_literal(domain)
                      : is_hostname(name, !base::is_ascii(name)) && name.find('.') != name.npos;
  if (good) return Verdict::dunno;
  return c.reject(c.s.parameters.non_fqdn_reject_code, "5.5.2",
                  address_rejected(address, reply_class, "need fully-qualified address"));
}

Task<Verdict> refuse_unknown_domain(Check& c, std::string address, std::string_view reply_class) {
  if (address.empty()) co_return Verdict::dunno;
  bool sender = reply_class == kSenderAddress;
  auto route = co_await route_of(c.s, address);
  if (!route) co_return c.lookup_failed(address);
  bool elsewhere =
      route->address_class == AddressClass::remote || route->address_class == AddressClass::relay;
  if (!elsewhere) co_return Verdict::dunno;
  auto domain = mail::split_address(route->recipient).second;
  if (!domain || domain->empty() || domain->front() == '[') co_return Verdict::dunno;
  auto found = co_await find_mail_host(*c.s.server.dns, std::string(*domain));
  if (found == HostFound::yes) co_return Verdict::dunno;
  if (found == HostFound::null_mx) {
    auto text = format("Domain {} does not accept mail (nullMX)", *domain);
    // RFC 7505 4.1, 4.2
    co_return c.reject(sender ? 550 : 556, sender ? "5.7.27" : "5.1.10",
                       address_rejected(address, reply_class, text));
  }
  auto text = address_rejected(address, reply_class, "Domain not found");
  std::string_view dsn = sender ? "4.1.8" : "4.1.2";
  if (found == HostFound::unsure) {
    co_return tempfail(c, c.s.parameters.unknown_address_tempfail_action, dsn, std::move(text));
  }
  co_return c.reject(c.s.parameters.unknown_address_reject_code, dsn, std::move(text));
}

}  // namespace

Task<Verdict> reject_non_fqdn_sender(Check& c, const Restriction&) {
  auto sender = checked_sender(c.s);
  co_return sender ? refuse_non_fqdn(c, *sender, kSenderAddress) : Verdict::dunno;
}

Task<Verdict> reject_non_fqdn_recipient(Check& c, const Restriction&) {
  auto recipient = c.s.check.recipient;
  co_return recipient ? refuse_non_fqdn(c, *recipient, kRecipientAddress) : Verdict::dunno;
}

Task<Verdict> reject_unknown_sender_domain(Check& c, const Restriction&) {
  auto sender = checked_sender(c.s);
  if (!sender) co_return Verdict::dunno;
  co_return co_await refuse_unknown_domain(c, *sender, kSenderAddress);
}

Task<Verdict> reject_unknown_recipient_domain(Check& c, const Restriction&) {
  auto recipient = c.s.check.recipient;
  if (!recipient) co_return Verdict::dunno;
  co_return co_await refuse_unknown_domain(c, *recipient, kRecipientAddress);
}

}  // namespace dovetail::mta::smtpd
