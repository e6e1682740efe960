// STARTTLS (RFC 3207). What the client sent in plain behind the command is dropped by the connection; what it said
// before is forgotten here.
// SPDX-License-Identifier: Apache-2.0
#include "mta/anvil/anvil_client.h"
#include "mta/smtpd/commands.h"

namespace dovetail::mta::smtpd {

Task<Answer> cmd_starttls(Session& s, std::string_view arguments) {
  if (!arguments.empty()) co_return Reply{501, "5.5.4", "Syntax: STARTTLS"};
  if (s.tls) co_return Reply{554, "5.5.1", "Error: TLS already active"};
  if (s.server.tls_level == TlsLevel::none || s.discards(kEhloStarttls)) {
    co_return Reply{502, "5.5.1", "Error: command not implemented"};
  }
  if (!s.server.tls) co_return Reply{454, "4.7.0", "TLS not available due to local problem"};
  int limit = s.parameters.smtpd_client_new_tls_session_rate_limit;
  if (limit > 0 && s.counts_events()) {
    auto rate = co_await s.server.anvil->new_tls(s.server.service, s.real_client.address);
    if (rate && *rate > limit) {
      auto text = limit_warning("New TLS session rate", *rate, s.client, s.server.service);
      s.server.log.write(Level::warning, text);
      co_return Reply{454, "4.7.0", "Error: too many new TLS sessions from " + s.client.address};
    }
  }
  co_await s.send(220, "2.0.0", "Ready to start TLS");
  co_await s.start_tls();
  s.end_transaction();
  s.forget_helo();
  co_return Answer::nothing();
}

}  // namespace dovetail::mta::smtpd
