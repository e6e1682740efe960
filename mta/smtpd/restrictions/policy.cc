// check_policy_service: hands what is known to a policy server and obeys its answer.
// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include "common/base/random.h"
#include "common/base/text.h"
#include "common/mail/dsn.h"
#include "mta/smtpd/policy_client.h"
#include "mta/smtpd/restrictions/action.h"
#include "mta/smtpd/restrictions/routing.h"
#include "mta/smtpd/restrictions/verbs.h"
#include "mta/smtpd/session.h"

namespace dovetail::mta::smtpd {

using base::format;

namespace {

void add_attribute(std::string& request, std::string_view name, std::string_view value) {
  request += name;
  request += '=';
  for (char c : value) request += c == '\n' || c == '\r' || c == '\0' ? '?' : c;
  request += '\n';
}

std::string_view protocol_state(const Session& s) {
  return s.where;  // CONNECT, HELO, EHLO, MAIL, RCPT, DATA, END-OF-MESSAGE, VRFY, ETRN
}

std::string instance_of(Session& s) {
  if (!s.mail) return format("{:x}.{}.0.0", getpid(), base::random_hex(8));
  if (s.mail->instance.empty()) {
    auto now = base::wall_now();
    s.mail->instance = format("{:x}.{:x}.{:x}.0", getpid(), now.seconds, now.microseconds);
  }
  return s.mail->instance;
}

void add_client(std::string& request, const Session& s) {
  add_attribute(request, "client_address", s.client.address);
  add_attribute(request, "client_name", s.client.name);
  add_attribute(request, "client_port", s.client.port.empty() ? "unknown" : s.client.port);
  add_attribute(request, "reverse_client_name", s.client.reverse_name);
  add_attribute(request, "server_address", s.server_address);
  add_attribute(request, "server_port", s.server_port);
  add_attribute(request, "helo_name", s.helo.value_or(""));
}

void add_security(std::string& request, const Session& s) {
  add_attribute(request, "sasl_method", s.sasl.method);
  add_attribute(request, "sasl_username", s.sasl.username);
  add_attribute(request, "sasl_sender", s.sasl.sender);
  bool trusted = s.tls && s.tls->peer_trusted;
  add_attribute(request, "ccert_subject", trusted ? mail::encode_xtext(s.tls->peer_cn) : "");
  add_attribute(request, "ccert_issuer", trusted ? mail::encode_xtext(s.tls->issuer_cn) : "");
  add_attribute(request, "ccert_fingerprint", s.tls ? s.tls->peer_fingerprint : "");
  add_attribute(request, "ccert_pubkey_fingerprint", "");
  add_attribute(request, "encryption_protocol", s.tls ? s.tls->protocol : "");
  add_attribute(request, "encryption_cipher", s.tls ? s.tls->cipher : "");
  add_attribute(request, "encryption_keysize", s.tls ? format("{}", s.tls->cipher_bits) : "0");
}

std::string policy_request(Session& s, const std::string& context) {
  bool counted = s.where == "DATA" || s.where == "BDAT" || s.where == "END-OF-MESSAGE";
  auto recipient = s.check.recipient;
  if (!recipient && s.mail && s.mail->recipients == 1) recipient = s.mail->first_recipient;
  std::string request;
  add_attribute(request, "request", "smtpd_access_policy");
  add_attribute(request, "protocol_state", protocol_state(s));
  add_attribute(request, "protocol_name", s.protocol);
  add_client(request, s);
  add_attribute(request, "sender", checked_sender(s).value_or(""));
  add_attribute(request, "recipient", recipient.value_or(""));
  add_attribute(request, "recipient_count",
                format("{}", counted && s.mail ? s.mail->recipients : 0));
  add_attribute(request, "queue_id", s.queue_id());
  add_attribute(request, "instance", instance_of(s));
  uint64_t size = s.mail ? (s.mail->octets > 0 ? s.mail->octets : s.mail->options.size) : 0;
  add_attribute(request, "size", format("{}", size));
  add_attribute(request, "etrn_domain", s.check.etrn_domain.value_or(""));
  add_attribute(request, "stress", &s.parameters == &s.server.stressed ? "yes" : "");
  add_security(request, s);
  add_attribute(request, "policy_context", context);
  return request + "\n";
}

}  // namespace

Task<Verdict> check_policy_service(Check& c, const Restriction& r) {
  auto& policy = c.s.server.policy(r.argument);
  auto action = co_await policy.ask(policy_request(c.s, policy.policy_context()));
  if (!action) {
    c.s.server.log.warning("policy service {}: {}", r.argument, action.error().text);
    co_return c.server_error();
  }
  co_return co_await take_action(c, r.argument, std::move(*action));
}

}  // namespace dovetail::mta::smtpd
