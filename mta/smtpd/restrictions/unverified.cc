// reject_unverified_sender, reject_unverified_recipient: the verify service knows, or finds out, whether mail for the address
// can be delivered. While it is finding out it is asked again a few times (address_verify_poll_count); then the client is
// told to come back.
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "common/mail/address.h"
#include "mta/smtpd/restrictions/routing.h"
#include "mta/smtpd/restrictions/verbs.h"
#include "mta/smtpd/session.h"
#include "mta/verify/verify_client.h"

namespace dovetail::mta::smtpd {
namespace {

struct UnverifiedRules {
  int reject_code, defer_code;
  const std::string& reason;           // instead of what the probe brought
  const std::string& tempfail_action;  // defer_if_permit, defer
  std::string_view dsn;
};

Task<AddressVerdict> verify_verdict(Check& c, std::string address) {
  auto& p = c.s.parameters;
  AddressVerdict verdict{AddressStatus::deferred, "address verification problem"};
  for (int poll = 0; poll < std::max(p.address_verify_poll_count, 1); ++poll) {
    if (poll > 0) co_await c.s.server.loop.sleep(p.address_verify_poll_delay);
    auto asked = co_await ask_verify(c.s.server.loop, p.address_verify_service_name, address);
    if (!asked) {
      c.s.server.log.warning("{} service failure: {}", p.address_verify_service_name,
                             asked.error().text);
      co_return verdict;
    }
    verdict = std::move(*asked);
    if (verdict.status != AddressStatus::todo) break;
  }
  co_return verdict;
}

Task<Verdict> refuse_unverified(Check& c, std::string address, std::string_view reply_class,
                                UnverifiedRules rules) {
  if (address.empty()) co_return Verdict::dunno;
  auto verdict = co_await verify_verdict(c, address);
  if (verdict.status == AddressStatus::ok) co_return Verdict::dunno;
  bool bad = verdict.status == AddressStatus::bounced;
  auto& why = bad && !rules.reason.empty() ? rules.reason : verdict.text;
  auto words = bad && rules.reject_code >= 500 ? "undeliverable address" : "unverified address";
  auto text = base::format("<{}>: {} rejected: {}: {}", mail::quote_address(address), reply_class,
                           words, std::string_view(why).substr(0, 250));
  if (bad) co_return c.reject(rules.reject_code, rules.dsn, std::move(text));
  if (base::iequals(rules.tempfail_action, "defer"))
    co_return c.reject(rules.defer_code, rules.dsn, std::move(text));
  co_return c.defer_if_permit(rules.defer_code, rules.dsn, std::move(text));
}

}  // namespace

Task<Verdict> reject_unverified_sender(Check& c, const Restriction&) {
  auto& p = c.s.parameters;
  UnverifiedRules rules{p.unverified_sender_reject_code, p.unverified_sender_defer_code,
                        p.unverified_sender_reject_reason, p.unverified_sender_tempfail_action,
                        "4.1.7"};
  co_return co_await refuse_unverified(c, checked_sender(c.s).value_or(""), kSenderAddress, rules);
}

Task<Verdict> reject_unverified_recipient(Check& c, const Restriction&) {
  auto& p = c.s.parameters;
  UnverifiedRules rules{p.unverified_recipient_reject_code, p.unverified_recipient_defer_code,
                        p.unverified_recipient_reject_reason,
                        p.unverified_recipient_tempfail_action, "4.1.1"};
  co_return co_await refuse_unverified(c, c.s.check.recipient.value_or(""), kRecipientAddress,
                                       rules);
}

}  // namespace dovetail::mta::smtpd
