// Verbs that keep strangers from relaying: is the recipient's domain ours?
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "common/mail/address.h"
#include "mta/smtpd/restrictions/routing.h"
#include "mta/smtpd/restrictions/verbs.h"
#include "mta/smtpd/session.h"

namespace dovetail::mta::smtpd {
namespace {

Task<Verdict> refuse_foreign(Check& c, int code, std::string_view dsn) {
  auto& recipient = c.s.check.recipient;
  if (!recipient) co_return Verdict::dunno;
  auto whose = co_await destination_of(c.s, *recipient);
  if (whose == Destination::unknown) co_return c.lookup_failed(*recipient);
  if (whose == Destination::ours) co_return Verdict::dunno;
  co_return c.reject(code, dsn,
                     base::format("<{}>: Relay access denied", mail::quote_address(*recipient)));
}

}  // namespace

Task<Verdict> permit_auth_destination(Check& c, const Restriction&) {
  auto& recipient = c.s.check.recipient;
  if (!recipient) co_return Verdict::dunno;
  auto whose = co_await destination_of(c.s, *recipient);
  if (whose == Destination::unknown) co_return c.lookup_failed(*recipient);
  co_return whose == Destination::ours ? Verdict::ok : Verdict::dunno;
}

Task<Verdict> reject_unauth_destination(Check& c, const Restriction&) {
  co_return co_await refuse_foreign(c, c.s.parameters.relay_domains_reject_code, "5.7.1");
}

Task<Verdict> defer_unauth_destination(Check& c, const Restriction&) {
  co_return co_await refuse_foreign(c, c.s.parameters.relay_domains_reject_code - 100, "4.7.1");
}

}  // namespace dovetail::mta::smtpd
