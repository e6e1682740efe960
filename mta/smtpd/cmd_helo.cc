// HELO and EHLO: who the client says he is, and what we offer him (RFC 5321 4.1.1.1).
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "mta/smtpd/checks.h"
#include "mta/smtpd/commands.h"
#include "mta/smtpd/names.h"
#include "mta/smtpd/sasl.h"

namespace dovetail::mta::smtpd {

using base::format;

namespace {

// The name goes into headers and logs: what could confuse their readers becomes '?'.
std::string neutral_helo_name(std::string_view text) {
  auto name = base::printable(text, true);
  for (auto& c : name) {
    if (std::string_view(" <>()\\\";@").find(c) != std::string_view::npos) c = '?';
  }
  return name;
}

Task<std::optional<Reply>> take_helo_name(Session& s, std::string_view arguments) {
  auto name = neutral_helo_name(arguments);
  if (!s.parameters.smtpd_delay_reject) {
    auto before = s.helo;
    s.helo = name;
    auto refused = co_await check_helo(s);
    if (refused) {
      s.helo = before;
      co_return refused;
    }
  }
  s.end_transaction();
  s.helo = name;
  co_return std::nullopt;
}

struct Offer {
  unsigned keyword;
  std::string text;
};

Task<std::vector<Offer>> offers(Session& s) {
  auto& p = s.parameters;
  std::vector<Offer> list;
  list.push_back({kEhloPipelining, "PIPELINING"});
  list.push_back(
      {kEhloSize, p.message_size_limit > 0 ? format("SIZE {}", p.message_size_limit) : "SIZE"});
  if (!p.disable_vrfy_command) list.push_back({kEhloVrfy, "VRFY"});
  list.push_back({kEhloEtrn, "ETRN"});
  if (s.server.tls_level != TlsLevel::none && s.server.tls && !s.tls)
    list.push_back({kEhloStarttls, "STARTTLS"});
  if (s.sasl_active() && s.announce_auth) {
    auto mechanisms = co_await offered_mechanisms(s);
    if (!mechanisms.empty()) {
      list.push_back({kEhloAuth, "AUTH " + mechanisms});
      if (p.broken_sasl_auth_clients) list.push_back({kEhloAuth, "AUTH=" + mechanisms});
    }
  }
  if (s.may_xclient)
    list.push_back(
        {kEhloXclient, "XCLIENT NAME ADDR PROTO HELO REVERSE_NAME PORT LOGIN DESTADDR DESTPORT"});
  if (s.may_xforward)
    list.push_back({kEhloXforward, "XFORWARD NAME ADDR PROTO HELO SOURCE PORT IDENT"});
  list.push_back({kEhloEnhancedStatus, "ENHANCEDSTATUSCODES"});
  list.push_back({kEhlo8bitmime, "8BITMIME"});
  list.push_back({kEhloDsn, "DSN"});
  if (p.smtputf8_enable) list.push_back({kEhloSmtputf8, "SMTPUTF8"});
  list.push_back({kEhloChunking, "CHUNKING"});
  co_return list;
}

}  // namespace

Task<Answer> cmd_helo(Session& s, std::string_view arguments) {
  if (arguments.empty()) co_return Reply{501, "", "Syntax: HELO hostname"};
  auto refused = co_await take_helo_name(s, arguments);
  if (refused) co_return *refused;
  // An earlier EHLO is not taken back: what was pipelined on its account stays allowed.
  co_return Reply{250, "", s.parameters.myhostname};
}

Task<Answer> cmd_ehlo(Session& s, std::string_view arguments) {
  if (arguments.empty()) co_return Reply{501, "", "Syntax: EHLO hostname"};
  auto refused = co_await take_helo_name(s, arguments);
  if (refused) co_return *refused;
  s.protocol = "ESMTP";
  auto text = s.parameters.myhostname;
  auto list = co_await offers(s);
  for (auto& offer : list) {
    if (!s.discards(offer.keyword)) text += "\n" + offer.text;
  }
  co_return Reply{250, "", std::move(text)};
}

}  // namespace dovetail::mta::smtpd
