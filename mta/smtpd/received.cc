// SPDX-License-Identifier: Apache-2.0
#include "mta/smtpd/received.h"

#include <sys/socket.h>

#include "common/base/text.h"
#include "common/mail/address.h"
#include "common/mail/date.h"

namespace dovetail::mta::smtpd {

using base::format;

namespace {

// A name inside a comment must not end it.
std::string comment_text(std::string_view text) {
  auto out = base::printable(text, true);
  for (auto& c : out) {
    if (c == '(' || c == ')' || c == '\\') c = '?';
  }
  return out;
}

std::string certificate_comment(const net::TlsInfo& tls, bool asked) {
  if (tls.peer_certificate) {
    return format("\t(Client CN \"{}\", Issuer \"{}\" ({}))\n", comment_text(tls.peer_cn),
                  comment_text(tls.issuer_cn), tls.peer_trusted ? "verified OK" : "not verified");
  }
  return asked ? "\t(Client did not present a certificate)\n"
               : "\t(No client certificate requested)\n";
}

std::string tls_comment(const net::TlsInfo& tls, bool asked) {
  auto text = format("\t(using {} with cipher {} ({}/{} bits)", tls.protocol, tls.cipher,
                     tls.cipher_bits, tls.algorithm_bits);
  if (!tls.key_exchange.empty()) {
    text += "\n\t key-exchange " + tls.key_exchange;
    if (!tls.server_signature.empty()) {
      text += " server-signature " + tls.server_signature;
      if (tls.server_signature_bits > 0) text += format(" ({} bits)", tls.server_signature_bits);
      if (!tls.server_digest.empty()) text += " server-digest " + tls.server_digest;
    }
  }
  return text + ")\n" + certificate_comment(tls, asked);
}

// RFC 3848, RFC 6531 4.3.
std::string with_protocol(const ReceivedParts& parts) {
  std::string name = parts.smtputf8 ? "UTF8SMTP" : parts.esmtp ? "ESMTP" : "SMTP";
  if (!parts.esmtp) return name;
  if (parts.over_tls) name += 'S';
  if (parts.authenticated) name += 'A';
  return name;
}

}  // namespace

std::string received_header(const ReceivedParts& parts) {
  auto& client = parts.client;
  auto address = client.family == AF_INET6 ? "IPv6:" + client.address : client.address;
  auto text = format("Received: from {} ({} [{}])\n",
                     parts.helo.empty() ? client.name : base::printable(parts.helo, true),
                     client.name, address);
  if (parts.tls) text += tls_comment(*parts.tls, parts.asked_certificate);
  if (!parts.sasl_username.empty()) {
    text += "\t(Authenticated sender: " + comment_text(parts.sasl_username);
    if (!parts.sasl_sender.empty()) text += " author " + comment_text(parts.sasl_sender);
    text += ")\n";
  }
  text += format("\tby {} ({}) with {} id {}", parts.myhostname, parts.mail_name,
                 with_protocol(parts), parts.queue_id);
  auto date = mail::header_date(parts.seconds);
  if (parts.recipient)
    return text + format("\n\tfor <{}>; {}", mail::quote_address(*parts.recipient), date);
  return text + ";\n\t" + date;
}

}  // namespace dovetail::mta::smtpd
