// Verbs that judge the name given with HELO or EHLO.
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "mta/smtpd/names.h"
#include "mta/smtpd/restrictions/dns_find.h"
#include "mta/smtpd/restrictions/verbs.h"
#include "mta/smtpd/session.h"

namespace dovetail::mta::smtpd {
namespace {

std::string_view without_final_dot(std::string_view name) {
  if (name.size() > 1 && name.back() == '.' && name[name.size() - 2] != '.') name.remove_suffix(1);
  return name;
}

bool is_literal(const Check& c) {
  return !c.s.helo->empty() && c.s.helo->front() == '[';
}

Verdict judge_literal(Check& c) {
  if (is_address_literal(*c.s.helo)) return Verdict::dunno;
  return c.reject(c.s.parameters.invalid_hostname_reject_code, "5.5.2",
                  base::format("<{}>: {} rejected: invalid ip address", *c.s.helo, kHeloCommand));
}

std::string helo_rejected(const Check& c, std::string_view text) {
  return base::format("<{}>: {} rejected: {}", *c.s.helo, kHeloCommand, text);
}

}  // namespace

Task<Verdict> reject_invalid_helo_hostname(Check& c, const Restriction&) {
  if (!c.s.helo) co_return Verdict::dunno;
  if (is_literal(c)) co_return judge_literal(c);
  auto name = without_final_dot(*c.s.helo);
  if (is_hostname(name) || is_host_address(name)) co_return Verdict::dunno;
  co_return c.reject(c.s.parameters.invalid_hostname_reject_code, "5.5.2",
                     helo_rejected(c, "Invalid name"));
}

Task<Verdict> reject_non_fqdn_helo_hostname(Check& c, const Restriction&) {
  if (!c.s.helo) co_return Verdict::dunno;
  if (is_literal(c)) co_return judge_literal(c);
  auto name = without_final_dot(*c.s.helo);
  if (is_hostname(name) && name.find('.') != name.npos) co_return Verdict::dunno;
  co_return c.reject(c.s.parameters.non_fqdn_reject_code, "5.5.2",
                     helo_rejected(c, "need fully-qualified hostname"));
}

Task<Verdict> reject_unknown_helo_hostname(Check& c, const Restriction&) {
  if (!c.s.helo) co_return Verdict::dunno;
  if (is_literal(c)) co_return judge_literal(c);
  auto found = co_await find_mail_host(*c.s.server.dns, std::string(without_final_dot(*c.s.helo)));
  if (found == HostFound::yes || found == HostFound::null_mx) co_return Verdict::dunno;
  auto text = helo_rejected(c, "Host not found");
  if (found == HostFound::unsure) {
    co_return tempfail(c, c.s.parameters.unknown_helo_hostname_tempfail_action, "4.7.1",
                       std::move(text));
  }
  co_return c.reject(c.s.parameters.unknown_hostname_reject_code, "4.7.1", std::move(text));
}

}  // namespace dovetail::mta::smtpd
