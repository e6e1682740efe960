// check_*_access: what a table says about the client, the HELO name, an address, a login (access(5)).
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "common/mail/address.h"
#include "lookup/mail_addr_find.h"
#include "mta/smtpd/restrictions/action.h"
#include "mta/smtpd/restrictions/routing.h"
#include "mta/smtpd/restrictions/verbs.h"
#include "mta/smtpd/session.h"

namespace dovetail::mta::smtpd {
namespace {

// A verb may stand in another stage's list: what it judges decides the words of its reply.
Check for_subject(const Check& c, std::string subject, std::string_view reply_class) {
  Check inner(c.s, std::move(subject), reply_class, c.access);
  inner.warn_if_reject = c.warn_if_reject;
  inner.depth = c.depth;
  return inner;
}

Task<Verdict> ask_as(Check& c, const Restriction& r, std::string subject,
                     std::string_view reply_class, std::vector<std::string> keys) {
  auto inner = for_subject(c, std::move(subject), reply_class);
  auto verdict = co_await ask_table(inner, r, std::move(keys));
  c.refusal = inner.refusal;
  co_return verdict;
}

}  // namespace

std::vector<std::string> sender_keys(std::string_view address, std::string_view delimiter,
                                     bool parents_match) {
  std::vector<std::string> keys{std::string(address)};
  auto [local, domain] = mail::split_address(address);
  if (!domain) return keys;
  auto split = lookup::split_extension(local, delimiter);
  bool extended = !split.extension.empty();
  if (extended) keys.push_back(base::format("{}@{}", split.user, *domain));
  for (auto& key : domain_keys(*domain, parents_match)) keys.push_back(key);
  keys.push_back(base::format("{}@", local));
  if (extended) keys.push_back(base::format("{}@", split.user));
  return keys;
}

Task<Verdict> check_client_access(Check& c, const Restriction& r) {
  auto inner = for_subject(c, c.s.client.text(), kClientHost);
  auto verdict = co_await ask_host(inner, r, c.s.client.name, c.s.client.address);
  c.refusal = inner.refusal;
  co_return verdict;
}

Task<Verdict> check_reverse_client_hostname_access(Check& c, const Restriction& r) {
  auto keys = domain_keys(c.s.client.reverse_name, c.s.server.parents_match_access);
  co_return co_await ask_as(c, r, c.s.client.reverse_name, kClientHost, std::move(keys));
}

Task<Verdict> check_helo_access(Check& c, const Restriction& r) {
  if (!c.s.helo) co_return Verdict::dunno;
  auto keys = domain_keys(*c.s.helo, c.s.server.parents_match_access);
  co_return co_await ask_as(c, r, *c.s.helo, kHeloCommand, std::move(keys));
}

Task<Verdict> check_sender_access(Check& c, const Restriction& r) {
  auto sender = checked_sender(c.s);
  if (!sender) co_return Verdict::dunno;
  std::vector<std::string> keys;
  if (sender->empty())
    keys.push_back(c.s.parameters.smtpd_null_access_lookup_key);
  else
    keys =
        sender_keys(*sender, c.s.parameters.recipient_delimiter, c.s.server.parents_match_access);
  co_return co_await ask_as(c, r, *sender, kSenderAddress, std::move(keys));
}

Task<Verdict> check_recipient_access(Check& c, const Restriction& r) {
  auto recipient = c.s.check.recipient;
  if (!recipient) co_return Verdict::dunno;
  auto keys =
      sender_keys(*recipient, c.s.parameters.recipient_delimiter, c.s.server.parents_match_access);
  co_return co_await ask_as(c, r, *recipient, kRecipientAddress, std::move(keys));
}

Task<Verdict> check_etrn_access(Check& c, const Restriction& r) {
  auto domain = c.s.check.etrn_domain;
  if (!domain) co_return Verdict::dunno;
  auto keys = domain_keys(*domain, c.s.server.parents_match_access);
  co_return co_await ask_as(c, r, *domain, kEtrnCommand, std::move(keys));
}

Task<Verdict> check_sasl_access(Check& c, const Restriction& r) {
  if (!c.s.authenticated()) co_return Verdict::dunno;
  std::vector<std::string> keys{c.s.sasl.username};
  co_return co_await ask_as(c, r, c.s.sasl.username, "SASL login name", std::move(keys));
}

Task<Verdict> check_ccert_access(Check& c, const Restriction& r) {
  if (!c.s.tls || c.s.tls->peer_fingerprint.empty()) co_return Verdict::dunno;
  std::vector<std::string> keys{c.s.tls->peer_fingerprint};
  co_return co_await ask_as(c, r, c.s.tls->peer_fingerprint, "Client certificate", std::move(keys));
}

}  // namespace dovetail::mta::smtpd
