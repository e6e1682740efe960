// The lines smtpd writes that the incumbent writes too, to the byte (reference card i). Each is built here and nowhere
// else; what goes in from outside is made printable here.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/net/tls.h"
#include "mta/smtpd/client.h"

namespace dovetail::mta::smtpd {

struct VerbCount {
  std::string_view name;  // "ehlo"
  unsigned ok = 0, total = 0;
};

// What a line about a refused or marked command says of the transaction; nullopt: not known yet.
struct TransactionText {
  std::optional<std::string> sender, recipient, protocol, helo, sasl_username;
};

std::string connect_line(const Client& client);
std::string disconnect_line(const Client& client, const std::vector<VerbCount>& counts);
struct SaslText {
  std::string method, username, sender;
};
struct OrigText {  // from XFORWARD
  std::string queue_id, client;
};
std::string client_line(std::string_view queue_id, const Client& client, const SaslText& sasl,
                        const OrigText& orig);
// whatsup: "reject", "reject_warning", "hold", "discard", "filter", "redirect", "bcc", "prepend", "warn", "info".
// queue_id: "" is NOQUEUE. text: "554 5.7.1 <a@b>: Relay access denied", or without a code for the others.
std::string restriction_line(std::string_view queue_id, std::string_view whatsup,
                             std::string_view where, const Client& client, std::string_view text,
                             const TransactionText& transaction);
// "lost connection after DATA (14 bytes) from ...", "timeout after ...", "too many errors after ...".
std::string ended_line(std::string_view reason, std::string_view where,
                       std::optional<uint64_t> bytes, const Client& client);
std::string improper_pipelining_line(std::string_view verb, const Client& client,
                                     std::string_view pending);
std::string tls_established_line(const Client& client, const net::TlsInfo& info);
std::string tls_failed_line(const Client& client, std::string_view what);

// Without "warning: " in front.
std::string non_smtp_warning(const Client& client, std::string_view line);
std::string long_request_warning(const Client& client, size_t limit, std::string_view line);
std::string illegal_address_warning(const Client& client, std::string_view verb,
                                    std::string_view path);
std::string malformed_bdat_warning(std::string_view queue_id, const Client& client,
                                   std::string_view line);
std::string sasl_failed_warning(const Client& client, std::string_view mechanism,
                                std::string_view reason, std::string_view username);
std::string sasl_aborted_warning(const Client& client, std::string_view mechanism);
std::string etrn_refused_warning(const Client& client, std::string_view domain);
std::string forward_mismatch_warning(std::string_view name, std::string_view address,
                                     std::string_view why);
// what: "Connection rate", "Connection concurrency", "Message delivery request rate", ...
std::string limit_warning(std::string_view what, int count, const Client& client,
                          std::string_view service);

// C escapes (\r, \n, \026, \\) for bytes a client sent out of turn.
std::string escape_bytes(std::string_view bytes);

}  // namespace dovetail::mta::smtpd
