// LHLO, RSET, NOOP, VRFY, QUIT, STARTTLS, XCLIENT.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "common/base/text.h"
#include "mda/lmtp/session.h"

namespace dovetail::mda::lmtp {

// RFC 2033 4.1. A domain or an address literal; nothing is checked against the client's address.
Task<> cmd_lhlo(Session& session, std::string arguments) {
  std::string domain(base::trim(arguments, base::kBlank));
  if (domain.empty()) {
    session.reply("501 Missing hostname");
    co_return;
  }
  if (domain.find_first_of(" \t<>()") != domain.npos || !base::is_ascii(domain)) {
    session.reply("501 Invalid hostname");
    co_return;
  }
  session.end_transaction();
  session.helo = std::move(domain);
  session.set_state("READY");
  session.conn.print("250-{}\r\n250-8BITMIME\r\n250-CHUNKING\r\n250-ENHANCEDSTATUSCODES\r\n",
                     session.settings.hostname);
  bool starttls = session.settings.tls && !session.conn.is_tls();
  session.reply(starttls ? "250-PIPELINING\r\n250 STARTTLS" : "250 PIPELINING");
}

Task<> cmd_rset(Session& session, std::string arguments) {
  if (!base::trim(arguments).empty()) {
    session.reply("501 5.5.4 Invalid parameters");
    co_return;
  }
  session.end_transaction();
  session.set_state(session.helo.empty() ? "GREETING" : "READY");
  session.reply("250 2.0.0 OK");
}

Task<> cmd_noop(Session& session, std::string) {
  session.reply("250 2.0.0 OK");
  co_return;
}

// RFC 5321 3.5.3: neither yes nor no.
Task<> cmd_vrfy(Session& session, std::string arguments) {
  if (arguments.empty()) {
    session.reply("501 5.5.4 Invalid string parameter: Empty string");
    co_return;
  }
  bool quoted = arguments.size() > 1 && arguments.front() == '"' && arguments.back() == '"';
  bool atom = std::all_of(arguments.begin(), arguments.end(), [](char c) {
    return base::is_alnum(c) ||
           std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
  });
  if (!quoted && !atom) {
    session.reply("501 5.5.4 Invalid string parameter: Invalid character in string");
    co_return;
  }
  session.reply("252 2.3.3 Try RCPT instead");
}

Task<> cmd_quit(Session& session, std::string) {
  session.reply("221 2.0.0 Bye");
  session.quit();
  co_return;
}

// RFC 3207. The session starts over behind the handshake.
Task<> cmd_starttls(Session& session, std::string arguments) {
  if (session.conn.is_tls()) {
    session.reply("502 5.5.1 TLS is already active.");
    co_return;
  }
  if (!session.settings.tls) {
    session.reply("502 5.5.1 TLS support is not enabled.");
    co_return;
  }
  if (!base::trim(arguments).empty()) {
    session.reply("501 5.5.4 Invalid parameters");
    co_return;
  }
  session.reply("220 2.0.0 Begin TLS negotiation now.");
  co_await session.conn.flush();
  auto context = session.settings.tls;
  auto dropped = co_await session.conn.start_tls_server(std::move(context));
  if (dropped > 0) session.log.info("dropped {} bytes sent in plain behind STARTTLS", dropped);
  session.end_transaction();
  session.helo.clear();
  session.set_state("GREETING");
}

// Not offered: addresses of others are taken from nobody.
Task<> cmd_xclient(Session& session, std::string) {
  session.reply("550 5.7.14 You are not from trusted IP");
  co_return;
}

}  // namespace dovetail::mda::lmtp
