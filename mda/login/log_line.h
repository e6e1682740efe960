// The lines of the login processes' log: login_log_format and its elements, and why a connection ended. Log readers and
// fail2ban parse them: byte for byte the incumbent's.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/clock.h"

namespace dovetail::mda {

// What the elements of a line can name.
struct LoginFacts {
  std::string service;
  std::string user;       // %u
  std::string mechanism;  // %m; "" before the first attempt
  std::string remote_ip, local_ip;
  unsigned remote_port = 0, local_port = 0;
  std::string session;
  std::string local_name;    // SNI
  std::string tls_security;  // %k, "TLSv1.3 with cipher ..."
  std::string tls_error;     // behind %c
  pid_t mpid = 0;            // %e
  enum class Security : uint8_t { none, secured, tls, tls_handshaking } security = Security::none;
};

struct LoginLogFormat {
  std::string login_log_format = "%$: %s";
  std::string login_log_format_elements =
      "user=<%u> method=%m rip=%r lip=%l mpid=%e %c session=<%{session}>";
};

std::string login_log_line(const LoginLogFormat& format, std::string_view text,
                           const LoginFacts& facts);

// How far a client has come, for the reason in parentheses behind "Disconnected: ...".
struct LoginProgress {
  enum class Failure : uint8_t {
    none,
    failed,
    authz,
    temporary,
    user_disabled,
    password_expired,
    invalid_base64,
    login_disabled,
    mech_invalid,
    plaintext_refused
  };
  unsigned attempts = 0, successes = 0;
  bool auth_ready = false;
  bool client_answers = false;  // a challenge was sent: the client's answer is awaited
  bool authenticating = false;  // auth, or the broker, has not answered yet
  bool finishing = false;       // auth said yes
  bool aborted = false;         // "*"
  bool auth_broken = false;     // auth went away during an exchange
  Failure last = Failure::none;
  base::Milliseconds created{0}, first_attempt{0}, attempt_started{0};
};

std::string disconnect_reason(const LoginProgress& progress, base::Milliseconds now);

}  // namespace dovetail::mda
