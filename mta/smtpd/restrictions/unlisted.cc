// SPDX-License-Identifier: Apache-2.0
#include "mta/smtpd/restrictions/unlisted.h"

#include "common/base/text.h"
#include "common/mail/address.h"
#include "common/mail/dsn.h"
#include "lookup/mail_addr_find.h"
#include "mta/smtpd/restrictions/routing.h"
#include "mta/smtpd/restrictions/verbs.h"
#include "mta/smtpd/session.h"
#include "mta/verify/verify_client.h"

namespace dovetail::mta::smtpd {

using base::format;

namespace {

// One class of addresses: which table lists them, which code and word refuse them.
struct UnlistedRow {
  AddressClass address_class;
  lookup::Maps RecipientTables::*table;
  int SmtpdParameters::*code;
  std::string_view name;
};
// clang-format off
constexpr UnlistedRow unlisted_rows[] = {
    {AddressClass::local,           &RecipientTables::local,           &SmtpdParameters::unknown_local_recipient_reject_code,  "local recipient"},
    {AddressClass::alias,           &RecipientTables::virtual_alias,   &SmtpdParameters::unknown_virtual_alias_reject_code,    "virtual alias"},
    {AddressClass::virtual_mailbox, &RecipientTables::virtual_mailbox, &SmtpdParameters::unknown_virtual_mailbox_reject_code,  "virtual mailbox"},
    {AddressClass::relay,           &RecipientTables::relay,           &SmtpdParameters::unknown_relay_recipient_reject_code,  "relay recipient"},
};
// clang-format on

enum class Listed { yes, no, unknown };

Task<Listed> listed_in(Check& c, const lookup::Maps& maps, const std::string& address) {
  if (maps.empty()) co_return Listed::no;
  lookup::AddrFindOptions options;
  options.forms = lookup::find_default;
  options.recipient_delimiter = c.s.parameters.recipient_delimiter;
  options.local = &c.s.server;
  if (c.s.mail) options.cache = &c.s.mail->cache;
  auto found = co_await lookup::mail_addr_find(maps, address, options);
  if (!found) co_return Listed::unknown;
  co_return *found ? Listed::yes : Listed::no;
}

// Addresses the MTA itself answers to whatever the tables say (RFC 5321 4.5.1; bounces).
bool always_listed(const Check& c, const std::string& address) {
  auto local = mail::split_address(address).first;
  auto& p = c.s.parameters;
  // The sender of address probes, now and a moment ago.
  auto ttl = p.address_verify_sender_ttl.count();
  auto myorigin = c.s.server.main_cf->get("myorigin");
  for (int64_t when : {base::wall_now().seconds, base::wall_now().seconds - ttl}) {
    auto prober = probe_sender(p.address_verify_sender, myorigin, ttl, when);
    if (!prober.empty() && base::iequals(address, prober)) return true;
  }
  return base::iequals(local, "postmaster") || base::iequals(local, "mailer-daemon") ||
         base::iequals(local, p.double_bounce_sender);
}

// A route to the error or retry transport is a refusal in advance.
std::optional<Verdict> refused_by_route(Check& c, const Resolution& route,
                                        const std::string& address, std::string_view reply_class) {
  bool retry = route.transport == "retry";
  if (!retry && route.transport != "error") return std::nullopt;
  auto told = mail::split_dsn(route.nexthop, retry ? "4.0.0" : "5.0.0");
  auto text = format("<{}>: {} rejected: {}", mail::quote_address(address), reply_class, told.text);
  int code = told.status.front() == '4' || retry ? 450 : 550;
  return c.reject(code, told.status, std::move(text));
}

Task<Verdict> refuse_unlisted(Check& c, std::string address, std::string_view reply_class) {
  if (!c.s.server.check_unlisted) co_return Verdict::dunno;
  auto route = co_await route_of(c.s, address);
  if (!route) co_return c.lookup_failed(address);
  auto canonical = c.s.server.addresses->rewrite(address, RewriteContext::local);
  auto& tables = c.s.server.tables;
  bool sender = reply_class == kSenderAddress;
  const lookup::Maps* aliases[] = {&tables.recipient_canonical,
                                   sender ? &tables.sender_canonical : nullptr, &tables.canonical,
                                   &tables.virtual_alias};
  for (auto* maps : aliases) {
    if (!maps) continue;
    auto listed = co_await listed_in(c, *maps, canonical);
    if (listed == Listed::unknown) co_return c.lookup_failed(address);
    if (listed == Listed::yes) co_return Verdict::dunno;
  }
  if (route->address_class != AddressClass::alias) {
    auto refused = refused_by_route(c, *route, address, reply_class);
    if (refused) co_return *refused;
  }
  for (auto& row : unlisted_rows) {
    if (row.address_class != route->address_class) continue;
    auto& maps = tables.*row.table;
    bool alias = row.address_class == AddressClass::alias;  // looked up above
    if (!alias &&
        (maps.empty() || (row.address_class == AddressClass::local && always_listed(c, canonical))))
      break;
    auto listed = Listed::no;
    if (!alias) listed = co_await listed_in(c, maps, canonical);
    if (listed == Listed::unknown) co_return c.lookup_failed(address);
    if (listed == Listed::yes) break;
    auto where = c.s.parameters.show_user_unknown_table_name ? format(" in {} table", row.name)
                                                             : std::string();
    auto text = format("<{}>: {} rejected: User unknown{}", mail::quote_address(address),
                       reply_class, where);
    co_return c.reject(c.s.parameters.*row.code, sender ? "5.1.0" : "5.1.1", std::move(text));
  }
  co_return Verdict::dunno;
}

}  // namespace

Task<Verdict> refuse_unlisted_recipient(Check& c, std::string address) {
  c.s.check.recipient_listed = true;
  co_return co_await refuse_unlisted(c, std::move(address), kRecipientAddress);
}

Task<Verdict> refuse_unlisted_sender(Check& c, std::string address) {
  c.s.check.sender_listed = true;
  co_return co_await refuse_unlisted(c, std::move(address), kSenderAddress);
}

Task<Verdict> reject_unlisted_recipient(Check& c, const Restriction&) {
  auto recipient = c.s.check.recipient;
  if (!recipient) co_return Verdict::dunno;
  co_return co_await refuse_unlisted_recipient(c, *recipient);
}

Task<Verdict> reject_unlisted_sender(Check& c, const Restriction&) {
  auto sender = checked_sender(c.s);
  if (!sender || sender->empty()) co_return Verdict::dunno;
  co_return co_await refuse_unlisted_sender(c, *sender);
}

}  // namespace dovetail::mta::smtpd
