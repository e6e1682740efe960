// Verbs that need nothing but the session: permit, reject, defer, the client's network, name, login and TLS.
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "mta/smtpd/restrictions/verbs.h"
#include "mta/smtpd/session.h"

namespace dovetail::mta::smtpd {

using base::format;

Task<Verdict> permit(Check&, const Restriction&) {
  co_return Verdict::ok;
}

Task<Verdict> reject(Check& c, const Restriction&) {
  co_return c.reject(c.s.parameters.reject_code, "5.7.1", c.rejected("Access denied"));
}

Task<Verdict> defer(Check& c, const Restriction&) {
  co_return c.reject(c.s.parameters.defer_code, "4.3.2", c.rejected("Try again later"));
}

Task<Verdict> defer_if_permit(Check& c, const Restriction&) {
  co_return c.defer_if_permit(450, "4.7.0", c.rejected("defer_if_permit requested"));
}

Task<Verdict> defer_if_reject(Check& c, const Restriction&) {
  co_return c.defer_if_reject(450, "4.7.0", c.rejected("defer_if_reject requested"));
}

Task<Verdict> sleep_seconds(Check& c, const Restriction& r) {
  auto seconds = base::parse_number<int>(r.argument);
  if (!seconds || *seconds < 0) {
    c.s.server.log.warning("restriction sleep needs a number of seconds, not \"{}\"", r.argument);
    co_return c.server_error();
  }
  co_await c.s.server.loop.sleep(base::Seconds(*seconds));
  co_return Verdict::dunno;
}

Task<Verdict> permit_mynetworks(Check& c, const Restriction&) {
  auto inside = co_await c.s.server.mynetworks.match_client(c.s.client.name, c.s.client.address);
  if (!inside) co_return c.server_error();
  co_return *inside ? Verdict::ok : Verdict::dunno;
}

Task<Verdict> permit_inet_interfaces(Check& c, const Restriction&) {
  auto& client = c.s.client;
  auto literal =
      client.family == AF_INET6 ? "[IPv6:" + client.address + "]" : "[" + client.address + "]";
  auto own = co_await c.s.server.addresses->is_local_domain(literal);
  if (!own) co_return c.server_error();
  co_return *own ? Verdict::ok : Verdict::dunno;
}

Task<Verdict> permit_sasl_authenticated(Check& c, const Restriction&) {
  co_return c.s.parameters.smtpd_sasl_auth_enable&& c.s.authenticated() ? Verdict::ok
                                                                        : Verdict::dunno;
}

Task<Verdict> permit_tls_clientcerts(Check& c, const Restriction&) {
  auto& s = c.s;
  if (!s.tls || s.tls->peer_fingerprint.empty() || s.server.client_certificates.empty())
    co_return Verdict::dunno;
  if (!base::iequals(s.parameters.smtpd_tls_fingerprint_digest, "sha256")) {
    s.server.log.warning(
        "permit_tls_clientcerts: smtpd_tls_fingerprint_digest = {} is not supported, only sha256",
        s.parameters.smtpd_tls_fingerprint_digest);
    co_return c.server_error();
  }
  auto found = co_await s.server.client_certificates.lookup(s.tls->peer_fingerprint);
  if (!found) co_return c.server_error();
  co_return *found ? Verdict::ok : Verdict::dunno;
}

Task<Verdict> permit_tls_all_clientcerts(Check& c, const Restriction&) {
  co_return c.s.tls&& c.s.tls->peer_certificate&& c.s.tls->peer_trusted ? Verdict::ok
                                                                        : Verdict::dunno;
}

Task<Verdict> reject_plaintext_session(Check& c, const Restriction&) {
  if (c.s.tls) co_return Verdict::dunno;
  co_return c.reject(c.s.parameters.plaintext_reject_code, "4.7.1",
                     "Session encryption is required");
}

Task<Verdict> reject_unauth_pipelining(Check& c, const Restriction&) {
  if (!c.s.ill_pipelining) co_return Verdict::dunno;
  co_return c.reject(503, "5.5.0", c.rejected("Improper use of SMTP command pipelining"));
}

// A bounce has one recipient: whom it tells (RFC 5321 4.5.5).
Task<Verdict> reject_multi_recipient_bounce(Check& c, const Restriction&) {
  auto& t = c.s.mail;
  if (!t || !t->sender.empty()) co_return Verdict::dunno;
  int others = c.s.check.recipient ? t->recipients : t->recipients - 1;
  if (others < 1) co_return Verdict::dunno;
  co_return c.reject(c.s.parameters.multi_recipient_bounce_reject_code, "5.5.3",
                     c.rejected("Multi-recipient bounce"));
}

Task<Verdict> reject_unknown_client_hostname(Check& c, const Restriction&) {
  auto& client = c.s.client;
  if (client.name_status == NameStatus::ok) co_return Verdict::dunno;
  int code =
      client.name_status == NameStatus::permanent ? c.s.parameters.unknown_client_reject_code : 450;
  // RFC 7372 3.3
  co_return c.reject(
      code, "4.7.25",
      format("Client host rejected: cannot find your hostname, [{}]", client.address));
}

Task<Verdict> reject_unknown_reverse_client_hostname(Check& c, const Restriction&) {
  auto& client = c.s.client;
  if (client.reverse_status == NameStatus::ok) co_return Verdict::dunno;
  int code = client.reverse_status == NameStatus::permanent
                 ? c.s.parameters.unknown_client_reject_code
                 : 450;
  co_return c.reject(
      code, "4.7.1",
      format("Client host rejected: cannot find your reverse hostname, [{}]", client.address));
}

}  // namespace dovetail::mta::smtpd
