// SPDX-License-Identifier: Apache-2.0
#include "mta/smtpd/log.h"

#include "common/base/text.h"
#include "common/mail/address.h"

namespace dovetail::mta::smtpd {

using base::format;
using base::printable;

namespace {

std::string queue_id_or_none(std::string_view queue_id) {
  return queue_id.empty() ? "NOQUEUE" : std::string(queue_id);
}

std::string logged_address(const std::string& internal) {
  return printable(mail::quote_address(internal), true);
}

std::string tls_detail(const net::TlsInfo& info) {
  std::string text = format("{} with cipher {} ({}/{} bits)", info.protocol, info.cipher,
                            info.cipher_bits, info.algorithm_bits);
  if (!info.key_exchange.empty()) text += " key-exchange " + info.key_exchange;
  if (!info.server_signature.empty()) {
    text += " server-signature " + info.server_signature;
    if (info.server_signature_bits > 0) text += format(" ({} bits)", info.server_signature_bits);
    if (!info.server_digest.empty()) text += " server-digest " + info.server_digest;
  }
  return text;
}

}  // namespace

std::string connect_line(const Client& client) {
  return "connect from " + client.text();
}

std::string disconnect_line(const Client& client, const std::vector<VerbCount>& counts) {
  std::string text = "disconnect from " + client.text();
  unsigned ok = 0, total = 0;
  auto append = [&](std::string_view name, unsigned good, unsigned all, bool always_both) {
    text += good == all && !always_both ? format(" {}={}", name, all)
                                        : format(" {}={}/{}", name, good, all);
  };
  for (auto& count : counts) {
    if (count.total == 0) continue;
    append(count.name, count.ok, count.total, false);
    ok += count.ok;
    total += count.total;
  }
  append("commands", ok, total, total == 0);
  return text;
}

std::string client_line(std::string_view queue_id, const Client& client, const SaslText& sasl,
                        const OrigText& orig) {
  auto text = format("{}: client={}", queue_id_or_none(queue_id), client.text());
  if (!orig.queue_id.empty()) text += ", orig_queue_id=" + printable(orig.queue_id);
  if (!orig.client.empty()) text += ", orig_client=" + printable(orig.client);
  if (!sasl.method.empty()) text += ", sasl_method=" + printable(sasl.method);
  if (!sasl.username.empty()) text += ", sasl_username=" + printable(sasl.username, true);
  if (!sasl.sender.empty()) text += ", sasl_sender=" + printable(sasl.sender, true);
  return text;
}

std::string restriction_line(std::string_view queue_id, std::string_view whatsup,
                             std::string_view where, const Client& client, std::string_view text,
                             const TransactionText& transaction) {
  auto line = format("{}: {}: {} from {}: {};", queue_id_or_none(queue_id), whatsup, where,
                     client.text(), printable(text, true));
  if (transaction.sender) line += format(" from=<{}>", logged_address(*transaction.sender));
  if (transaction.recipient) line += format(" to=<{}>", logged_address(*transaction.recipient));
  if (transaction.protocol) line += " proto=" + *transaction.protocol;
  if (transaction.helo) line += format(" helo=<{}>", printable(*transaction.helo, true));
  if (transaction.sasl_username)
    line += format(" sasl_username=<{}>", printable(*transaction.sasl_username, true));
  return line;
}

std::string ended_line(std::string_view reason, std::string_view where,
                       std::optional<uint64_t> bytes, const Client& client) {
  if (bytes) return format("{} after {} ({} bytes) from {}", reason, where, *bytes, client.text());
  return format("{} after {} from {}", reason, where, client.text());
}

std::string improper_pipelining_line(std::string_view verb, const Client& client,
                                     std::string_view pending) {
  return format("improper command pipelining after {} from {}: {}", verb, client.text(),
                escape_bytes(pending.substr(0, 100)));
}

std::string tls_established_line(const Client& client, const net::TlsInfo& info) {
  std::string_view trust = !info.peer_certificate ? "Anonymous"
                           : info.peer_trusted    ? "Trusted"
                                                  : "Untrusted";
  return format("{} TLS connection established from {}: {}", trust, client.text(),
                tls_detail(info));
}

std::string tls_failed_line(const Client& client, std::string_view what) {
  return format("SSL_accept error from {}: {}", client.text(), what);
}

std::string non_smtp_warning(const Client& client, std::string_view line) {
  return format("non-SMTP command from {}: {}", client.text(), escape_bytes(line.substr(0, 100)));
}

std::string long_request_warning(const Client& client, size_t limit, std::string_view line) {
  return format("{}: request longer than {}: {}...", client.text(), limit,
                printable(line.substr(0, 30)));
}

std::string illegal_address_warning(const Client& client, std::string_view verb,
                                    std::string_view path) {
  return format("Illegal address syntax from {} in {} command: {}", client.text(), verb,
                printable(path.substr(0, 100), true));
}

std::string malformed_bdat_warning(std::string_view queue_id, const Client& client,
                                   std::string_view line) {
  return format("{}: malformed BDAT command syntax from {}: {}", queue_id_or_none(queue_id),
                client.text(), printable(line.substr(0, 100)));
}

std::string sasl_failed_warning(const Client& client, std::string_view mechanism,
                                std::string_view reason, std::string_view username) {
  return format("{}: SASL {} authentication failed: {}, sasl_username={}", client.text(),
                printable(mechanism.substr(0, 100)), printable(reason, true),
                username.empty() ? "(unavailable)" : printable(username.substr(0, 100), true));
}

std::string sasl_aborted_warning(const Client& client, std::string_view mechanism) {
  return format("{}: SASL {} authentication aborted", client.text(),
                printable(mechanism.substr(0, 100)));
}

std::string etrn_refused_warning(const Client& client, std::string_view domain) {
  return format("reject: ETRN {}... from {}", printable(domain.substr(0, 100)), client.text());
}

std::string forward_mismatch_warning(std::string_view name, std::string_view address,
                                     std::string_view why) {
  auto text = format("hostname {} does not resolve to address {}", printable(name), address);
  return why.empty() ? text : format("{}: {}", text, why);
}

std::string limit_warning(std::string_view what, int count, const Client& client,
                          std::string_view service) {
  return format("{} limit exceeded: {} from {} for service {}", what, count, client.text(),
                service);
}

std::string escape_bytes(std::string_view bytes) {
  std::string out;
  for (char c : bytes) {
    auto u = static_cast<unsigned char>(c);
    switch (c) {
      case '\r':
        out += "\\r";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\v':
        out += "\\v";
        break;
      case '\a':
        out += "\\a";
        break;
      case '\\':
        out += "\\\\";
        break;
      default:
        if (u >= 32 && u < 127)
          out += c;
        else
          out += format("\\{:03o}", u);
    }
  }
  return out;
}

}  // namespace dovetail::mta::smtpd
