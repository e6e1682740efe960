// VRFY: whether mail for an address would be accepted (RFC 5321 4.1.1.6); the answer is that of RCPT's restrictions.
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "mta/smtpd/checks.h"
#include "mta/smtpd/commands.h"
#include "mta/smtpd/names.h"

namespace dovetail::mta::smtpd {

Task<Answer> cmd_vrfy(Session& s, std::string_view arguments) {
  auto& p = s.parameters;
  if (p.disable_vrfy_command) co_return Reply{502, "5.5.1", "VRFY command is disabled"};
  if (p.smtpd_helo_required && !s.helo)
    co_return Reply{503, "5.5.1", "Error: send HELO/EHLO first"};
  // RFC 6531 3.7.4.2: VRFY takes SMTPUTF8 as a parameter.
  auto words = base::words(arguments);
  if (words.size() > 1 && p.smtputf8_enable && base::iequals(words.back(), "SMTPUTF8")) {
    arguments = base::trim(arguments.substr(0, arguments.size() - words.back().size()));
  }
  if (arguments.empty()) co_return Reply{501, "5.5.4", "Syntax: VRFY address [SMTPUTF8]"};
  auto path = parse_smtp_path(arguments, false, Empty::refused);
  if (!path || !base::trim(arguments.substr(path->length)).empty()) {
    s.server.log.write(Level::warning, illegal_address_warning(s.client, "VRFY", arguments));
    co_return Reply{501, "5.1.3", "Bad recipient address syntax"};
  }
  auto refused = co_await check_rcpt(s, path->address);
  if (refused) co_return *refused;
  // RFC 2821 3.5.3: 252, since only delivery can tell.
  co_return Reply{252, "2.0.0", mail::quote_address(path->address)};
}

}  // namespace dovetail::mta::smtpd
