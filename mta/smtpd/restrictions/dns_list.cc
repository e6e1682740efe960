// reject_rbl_client, reject_rhsbl_*, permit_dnswl_client ...: lists published in the DNS. A list is "domain" or
// "domain=pattern", where the pattern is d.d.d.d with [a..b;c] for an octet.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "common/base/text.h"
#include "common/mail/address.h"
#include "common/mail/dsn.h"
#include "conf/expand.h"
#include "mta/smtpd/restrictions/dns_list_pattern.h"
#include "mta/smtpd/names.h"
#include "mta/smtpd/restrictions/routing.h"
#include "mta/smtpd/restrictions/verbs.h"
#include "mta/smtpd/session.h"

namespace dovetail::mta::smtpd {

using base::format;

namespace {

struct Listing {
  bool listed = false;
  std::string domain, reason;
};

std::string reversed_address(const std::string& text) {
  auto address = SockAddr::ip(text, 0);
  if (!address) return {};
  auto bytes = address->address_bytes();
  std::string out;
  for (auto i = bytes.size(); i-- > 0;) {
    auto byte = static_cast<unsigned char>(bytes[i]);
    if (bytes.size() == 4)
      out += format("{}.", byte);
    else
      out += format("{:x}.{:x}.", byte & 15, byte >> 4);
  }
  return out;
}

// what: "20.2.0.192." or "example.org.".
Task<Listing> find_listing(Check& c, std::string what, std::string_view argument) {
  Listing listing;
  auto [domain, pattern] = base::cut(argument, '=');
  listing.domain = domain;
  auto name = what + listing.domain;
  auto answer = co_await c.s.server.dns->a(name);
  if (answer.status == net::DnsStatus::temporary) {
    c.s.server.log.warning(
        "{0}: RBL lookup error: Host or domain name not found. Name service error for name={0} "
        "type=A: {1}",
        base::printable(name), answer.error);
    co_return listing;
  }
  for (auto& record : answer.records) {
    bool same = !pattern || matches_dns_list_pattern(*pattern, record.host());
    if (same) listing.listed = true;
  }
  if (!listing.listed) co_return listing;
  auto text = co_await c.s.server.dns->txt(name);
  if (text.status == net::DnsStatus::ok && !text.records.empty())
    listing.reason = text.records.front();
  co_return listing;
}

struct Blocked {
  Listing listing;
  std::string rbl_class, what;
};

Task<Verdict> refuse_blocked(Check& c, std::string_view argument, Blocked blocked) {
  auto& p = c.s.parameters;
  auto reply = p.default_rbl_reply;
  auto own = co_await c.s.server.rbl_replies.lookup(argument);
  if (!own) co_return c.server_error();
  if (*own) reply = **own;
  auto value = [&](std::string_view name, bool) -> std::optional<std::string> {
    if (name == "rbl_code") return format("{}", p.maps_rbl_reject_code);
    if (name == "rbl_class") return blocked.rbl_class;
    if (name == "rbl_what") return blocked.what;
    if (name == "rbl_domain") return blocked.listing.domain;
    if (name == "rbl_reason") return base::printable(blocked.listing.reason, true);
    if (name == "client") return c.s.client.text();
    if (name == "client_address") return c.s.client.address;
    if (name == "client_name") return c.s.client.name;
    if (name == "helo_name") return c.s.helo.value_or("");
    if (name == "sender") return checked_sender(c.s).value_or("");
    if (name == "recipient") return c.s.check.recipient.value_or("");
    return std::nullopt;
  };
  conf::ExpandOptions options;
  options.recursive = false;
  auto text = conf::expand(reply, value, options);
  if (!text) {
    c.s.server.log.warning("{}", text.error().text);
    co_return c.server_error();
  }
  auto code = base::parse_number<int>(std::string_view(text->text).substr(0, 3));
  auto rest =
      base::trim(std::string_view(text->text).substr(std::min<size_t>(3, text->text.size())));
  auto told = mail::split_dsn(rest, "5.7.1");
  co_return c.reject(code.value_or(p.maps_rbl_reject_code), told.status, told.text);
}

Task<Verdict> refuse_listed_domain(Check& c, const Restriction& r, std::string domain,
                                   std::string_view rbl_class, std::string what) {
  if (domain.empty() || domain.front() == '[') co_return Verdict::dunno;
  auto listing = co_await find_listing(c, domain + ".", r.argument);
  if (!listing.listed) co_return Verdict::dunno;
  Blocked blocked{std::move(listing), std::string(rbl_class), std::move(what)};
  co_return co_await refuse_blocked(c, r.argument, std::move(blocked));
}

std::string address_domain(const std::optional<std::string>& address) {
  if (!address) return {};
  return std::string(mail::split_address(*address).second.value_or(""));
}

// A permission from the DNS never opens the relay.
Task<Verdict> permit_if_ours(Check& c) {
  if (!c.s.check.recipient) co_return Verdict::ok;
  auto whose = co_await destination_of(c.s, *c.s.check.recipient);
  if (whose == Destination::unknown) co_return c.lookup_failed(*c.s.check.recipient);
  co_return whose == Destination::ours ? Verdict::ok : Verdict::dunno;
}

}  // namespace

Task<Verdict> reject_rbl_client(Check& c, const Restriction& r) {
  auto what = reversed_address(c.s.client.address);
  if (what.empty()) co_return Verdict::dunno;
  auto listing = co_await find_listing(c, std::move(what), r.argument);
  if (!listing.listed) co_return Verdict::dunno;
  Blocked blocked{std::move(listing), std::string(kClientHost), c.s.client.address};
  co_return co_await refuse_blocked(c, r.argument, std::move(blocked));
}

Task<Verdict> reject_rhsbl_client(Check& c, const Restriction& r) {
  auto name = c.s.client.name;
  if (name == "unknown") co_return Verdict::dunno;
  co_return co_await refuse_listed_domain(c, r, name, kClientHost, name);
}

Task<Verdict> reject_rhsbl_reverse_client(Check& c, const Restriction& r) {
  auto name = c.s.client.reverse_name;
  if (name == "unknown") co_return Verdict::dunno;
  co_return co_await refuse_listed_domain(c, r, name, kClientHost, name);
}

Task<Verdict> reject_rhsbl_helo(Check& c, const Restriction& r) {
  auto name = c.s.helo.value_or("");
  co_return co_await refuse_listed_domain(c, r, name, kHeloCommand, name);
}

Task<Verdict> reject_rhsbl_sender(Check& c, const Restriction& r) {
  auto sender = checked_sender(c.s);
  co_return co_await refuse_listed_domain(c, r, address_domain(sender), kSenderAddress,
                                          sender.value_or(""));
}

Task<Verdict> reject_rhsbl_recipient(Check& c, const Restriction& r) {
  auto recipient = c.s.check.recipient;
  co_return co_await refuse_listed_domain(c, r, address_domain(recipient), kRecipientAddress,
                                          recipient.value_or(""));
}

Task<Verdict> permit_dnswl_client(Check& c, const Restriction& r) {
  auto what = reversed_address(c.s.client.address);
  if (what.empty()) co_return Verdict::dunno;
  auto listing = co_await find_listing(c, std::move(what), r.argument);
  if (!listing.listed) co_return Verdict::dunno;
  co_return co_await permit_if_ours(c);
}

Task<Verdict> permit_rhswl_client(Check& c, const Restriction& r) {
  if (c.s.client.name == "unknown") co_return Verdict::dunno;
  auto listing = co_await find_listing(c, c.s.client.name + ".", r.argument);
  if (!listing.listed) co_return Verdict::dunno;
  co_return co_await permit_if_ours(c);
}

}  // namespace dovetail::mta::smtpd
