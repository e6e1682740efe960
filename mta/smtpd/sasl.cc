// SPDX-License-Identifier: Apache-2.0
#include "mta/smtpd/sasl.h"

#include "common/base/text.h"
#include "mta/smtpd/session.h"

namespace dovetail::mta::smtpd {
namespace {

// As long as the incumbent waits for a handshake.
constexpr base::Seconds kHandshakeTime{10};

}  // namespace

bool mechanism_is_safe(const proto::AuthMech& mechanism, std::string_view options) {
  for (auto option : base::words(options, ", \t\r\n")) {
    if (base::iequals(option, "noanonymous") && mechanism.anonymous) return false;
    if (base::iequals(option, "noplaintext") && mechanism.plaintext) return false;
    if (base::iequals(option, "nodictionary") && mechanism.dictionary) return false;
    if (base::iequals(option, "noactive") && mechanism.active) return false;
    if (base::iequals(option, "mutual_auth") && !mechanism.mutual_auth) return false;
    if (base::iequals(option, "forward_secrecy") && !mechanism.forward_secrecy) return false;
  }
  return true;
}

Task<Result<std::vector<std::string>>> usable_mechanisms(Session& s) {
  auto& server = s.server;
  auto known = co_await server.auth->mechanisms(kHandshakeTime);
  if (!known) {
    if (!std::exchange(server.auth_down, true)) {
      server.log.warning("SASL: {}: {}: AUTH is not offered", s.parameters.smtpd_sasl_path,
                         known.error().text);
    }
    co_return known.error();
  }
  server.auth_down = false;
  auto& options = s.tls ? s.parameters.smtpd_sasl_tls_security_options
                        : s.parameters.smtpd_sasl_security_options;
  std::vector<std::string> names;
  for (auto& mechanism : *known) {
    if (mechanism.hidden || !mechanism_is_safe(mechanism, options)) continue;
    auto allowed = co_await server.sasl_mechanisms.match_string(mechanism.name);
    if (allowed && *allowed) names.push_back(mechanism.name);
  }
  co_return names;
}

Task<std::string> offered_mechanisms(Session& s) {
  auto names = co_await usable_mechanisms(s);
  if (!names) co_return std::string();
  co_return base::join(*names, " ");
}

}  // namespace dovetail::mta::smtpd
