// SPDX-License-Identifier: Apache-2.0
#include "mta/smtpd/checks.h"

#include "common/base/text.h"
#include "common/mail/address.h"
#include "mta/smtpd/restrictions/unlisted.h"
#include "mta/smtpd/session.h"

namespace dovetail::mta::smtpd {

using mail::Reply;
using MaybeReply = std::optional<Reply>;

namespace {

// One list on its own; a class of lists may share what is remembered.
Task<MaybeReply> run_list(Session& s, const RestrictionList& list, std::string subject,
                          std::string_view reply_class, DefaultAccess access) {
  if (list.empty()) co_return std::nullopt;
  s.check.defer_if_reject.reset();
  Check check(s, std::move(subject), reply_class, access);
  auto verdict = co_await check.run(list);
  if (verdict != Verdict::reject) co_return std::nullopt;
  co_return check.refusal;
}

// Something went wrong that might have been a reason to refuse: accepting must wait.
MaybeReply remembered_deferral(Session& s, std::string_view reply_class) {
  if (!s.check.defer_if_permit) return std::nullopt;
  auto reply = *s.check.defer_if_permit;
  Check check(s, "", reply_class, DefaultAccess::none);
  s.check.defer_if_reject.reset();
  check.broken(reply.code, reply.dsn, reply.text);
  return check.refusal;
}

Task<MaybeReply> client_list(Session& s) {
  s.check.defer_if_permit.reset();
  co_return co_await run_list(s, s.server.restrictions->client, s.client.text(), kClientHost,
                              DefaultAccess::client);
}

Task<MaybeReply> helo_list(Session& s) {
  if (!s.helo) co_return std::nullopt;
  co_return co_await run_list(s, s.server.restrictions->helo, *s.helo, kHeloCommand,
                              DefaultAccess::helo);
}

Task<MaybeReply> sender_list(Session& s, const std::string& sender) {
  s.check.sender_listed = false;
  auto refused = co_await run_list(s, s.server.restrictions->sender, sender, kSenderAddress,
                                   DefaultAccess::sender);
  if (refused) co_return refused;
  bool discarded = s.mail && s.mail->discard;
  if (!s.parameters.smtpd_reject_unlisted_sender || s.check.sender_listed || discarded ||
      sender.empty()) {
    co_return std::nullopt;
  }
  Check check(s, sender, kSenderAddress, DefaultAccess::sender);
  auto verdict = co_await refuse_unlisted_sender(check, sender);
  if (verdict == Verdict::reject) co_return check.refusal;
  co_return std::nullopt;
}

// client, helo and sender lists where smtpd_delay_reject has put them off until now.
Task<MaybeReply> delayed_lists(Session& s, bool with_sender) {
  if (!s.parameters.smtpd_delay_reject) co_return std::nullopt;
  auto refused = co_await client_list(s);
  if (refused) co_return refused;
  refused = co_await helo_list(s);
  if (refused || !with_sender || !s.mail) co_return refused;
  auto sender = s.mail->sender;
  co_return co_await sender_list(s, sender);
}

Task<MaybeReply> recipient_lists(Session& s, const std::string& recipient) {
  auto& lists = *s.server.restrictions;
  bool relay_first = s.parameters.smtpd_relay_before_recipient_restrictions;
  const RestrictionList* order[] = {relay_first ? &lists.relay : &lists.recipient,
                                    relay_first ? &lists.recipient : &lists.relay};
  for (auto* list : order) {
    auto refused =
        co_await run_list(s, *list, recipient, kRecipientAddress, DefaultAccess::recipient);
    if (refused) co_return refused;
  }
  auto deferred = remembered_deferral(s, kRecipientAddress);
  if (deferred) co_return deferred;
  bool discarded = s.mail && s.mail->discard;
  if (!s.parameters.smtpd_reject_unlisted_recipient || s.check.recipient_listed || discarded)
    co_return std::nullopt;
  Check check(s, recipient, kRecipientAddress, DefaultAccess::recipient);
  auto verdict = co_await refuse_unlisted_recipient(check, recipient);
  if (verdict == Verdict::reject) co_return check.refusal;
  co_return std::nullopt;
}

struct CheckedAddress {
  CheckedAddress(std::optional<std::string>& slot, std::string address) : slot_(slot) {
    slot_ = std::move(address);
  }
  ~CheckedAddress() { slot_.reset(); }
  CheckedAddress(const CheckedAddress&) = delete;

 private:
  std::optional<std::string>& slot_;
};

}  // namespace

Task<MaybeReply> check_client(Session& s) {
  co_return co_await client_list(s);
}

Task<MaybeReply> check_helo(Session& s) {
  co_return co_await helo_list(s);
}

Task<MaybeReply> check_mail(Session& s, std::string sender) {
  CheckedAddress checked(s.check.sender, sender);
  co_return co_await sender_list(s, sender);
}

Task<MaybeReply> check_rcpt(Session& s, std::string recipient) {
  // RFC 5321 4.5.1: postmaster without a domain must be accepted.
  if (base::iequals(recipient, "postmaster")) co_return std::nullopt;
  CheckedAddress checked(s.check.recipient, recipient);
  s.check.recipient_listed = false;
  auto refused = co_await delayed_lists(s, true);
  if (refused) co_return refused;
  co_return co_await recipient_lists(s, recipient);
}

Task<MaybeReply> check_data(Session& s) {
  auto refused =
      co_await run_list(s, s.server.restrictions->data, "DATA", kDataCommand, DefaultAccess::none);
  if (refused) co_return refused;
  if (s.server.restrictions->data.empty()) co_return std::nullopt;
  co_return remembered_deferral(s, kDataCommand);
}

Task<MaybeReply> check_end_of_data(Session& s) {
  auto& list = s.server.restrictions->end_of_data;
  auto refused = co_await run_list(s, list, "END-OF-MESSAGE", kEndOfData, DefaultAccess::none);
  if (refused) co_return refused;
  if (list.empty()) co_return std::nullopt;
  co_return remembered_deferral(s, kEndOfData);
}

Task<MaybeReply> check_etrn(Session& s, std::string domain) {
  CheckedAddress checked(s.check.etrn_domain, domain);
  auto refused = co_await delayed_lists(s, false);
  if (refused) co_return refused;
  refused =
      co_await run_list(s, s.server.restrictions->etrn, domain, kEtrnCommand, DefaultAccess::etrn);
  if (refused) co_return refused;
  co_return remembered_deferral(s, kEtrnCommand);
}

Task<bool> is_local_rewrite_client(Session& s) {
  for (auto word : base::words(s.parameters.local_header_rewrite_clients, ", \t\r\n")) {
    if (word == "permit_mynetworks" && s.in_mynetworks) co_return true;
    if (word == "permit_sasl_authenticated" && s.authenticated()) co_return true;
    if (word == "permit_inet_interfaces") {
      auto literal = s.client.family == AF_INET6 ? "[IPv6:" + s.client.address + "]"
                                                 : "[" + s.client.address + "]";
      auto local = co_await s.server.addresses->is_local_domain(literal);
      if (local && *local) co_return true;
      continue;
    }
    if (base::istarts_with(word, "permit_mynetworks") || base::istarts_with(word, "permit_sasl"))
      continue;
    s.server.warn_once(base::format("local_header_rewrite_clients: {} is not supported yet", word));
  }
  co_return false;
}

}  // namespace dovetail::mta::smtpd
