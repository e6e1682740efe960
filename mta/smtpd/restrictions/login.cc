// reject_*_sender_login_mismatch: whose address a sender is, by smtpd_sender_login_maps.
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "common/mail/address.h"
#include "lookup/mail_addr_find.h"
#include "mta/smtpd/restrictions/routing.h"
#include "mta/smtpd/restrictions/verbs.h"
#include "mta/smtpd/session.h"

namespace dovetail::mta::smtpd {

using base::format;

namespace {

struct Owners {
  bool known = false;  // the address has an owner at all
  bool ours = false;   // the client has logged in as one of them
};

Task<Result<Owners>> owners_of(Check& c, std::string sender) {
  Owners owners;
  auto& maps = c.s.server.tables.sender_login;
  if (maps.empty() || sender.empty()) co_return owners;
  auto canonical = c.s.server.addresses->rewrite(sender, RewriteContext::local);
  lookup::AddrFindOptions options;
  options.recipient_delimiter = c.s.parameters.recipient_delimiter;
  options.local = &c.s.server;
  if (c.s.mail) options.cache = &c.s.mail->cache;
  auto found = co_await lookup::mail_addr_find(maps, canonical, options);
  if (!found) co_return found.error();
  if (!*found) co_return owners;
  owners.known = true;
  for (auto& name : conf::split_list((*found)->value)) {
    if (c.s.authenticated() && base::iequals(name, c.s.sasl.username)) owners.ours = true;
  }
  co_return owners;
}

std::string sender_rejected(const std::string& sender, std::string_view text) {
  return format("<{}>: {} rejected: {}", mail::quote_address(sender), kSenderAddress, text);
}

Verdict not_owned(Check& c, const std::string& sender) {
  return c.reject(553, "5.7.1", sender_rejected(sender, "not owned by user " + c.s.sasl.username));
}

// authenticated, unauthenticated: which clients are judged; unowned: a logged-in client may not use an address that
// nobody owns.
Task<Verdict> refuse_mismatch(Check& c, bool authenticated, bool unauthenticated, bool unowned) {
  auto sender = checked_sender(c.s);
  if (!sender || !c.s.parameters.smtpd_sasl_auth_enable) co_return Verdict::dunno;
  bool logged_in = c.s.authenticated();
  if (!(logged_in ? authenticated : unauthenticated)) co_return Verdict::dunno;
  auto owners = co_await owners_of(c, *sender);
  if (!owners) co_return c.lookup_failed(*sender);
  if (!logged_in) {
    if (!owners->known) co_return Verdict::dunno;
    co_return c.reject(553, "5.7.1", sender_rejected(*sender, "not logged in"));
  }
  if (owners->ours || (!owners->known && !unowned)) co_return Verdict::dunno;
  co_return not_owned(c, *sender);
}

}  // namespace

Task<Verdict> reject_sender_login_mismatch(Check& c, const Restriction&) {
  co_return co_await refuse_mismatch(c, true, true, true);
}
Task<Verdict> reject_authenticated_sender_login_mismatch(Check& c, const Restriction&) {
  co_return co_await refuse_mismatch(c, true, false, true);
}
Task<Verdict> reject_unauthenticated_sender_login_mismatch(Check& c, const Restriction&) {
  co_return co_await refuse_mismatch(c, false, true, false);
}
Task<Verdict> reject_known_sender_login_mismatch(Check& c, const Restriction&) {
  co_return co_await refuse_mismatch(c, true, false, false);
}

}  // namespace dovetail::mta::smtpd
