// SPDX-License-Identifier: Apache-2.0
#include "mda/login/log_line.h"

#include <unistd.h>

#include <algorithm>

#include "common/base/text.h"
#include "conf/dovecot/variables.h"

namespace dovetail::mda {

namespace {

conf::dovecot::Variables login_variables(const LoginFacts& facts) {
  auto user = base::printable(facts.user);
  auto made =
      conf::dovecot::user_variables(user, facts.service, {}, facts.local_ip, facts.remote_ip);
  auto number = [](auto value) { return value ? std::to_string(value) : std::string(); };
  static constexpr std::string_view words[] = {"", "secured", "TLS", "TLS handshaking"};
  std::string security(words[static_cast<int>(facts.security)]);
  if (!facts.tls_error.empty()) security += ": " + facts.tls_error;
  std::erase_if(made.table, [](auto& row) { return row.key == 'p' || row.key == 'h'; });
  made.table.insert(made.table.end(), {
                                          {'p', "pid", std::to_string(getpid())},
                                          {'m', "mech", base::printable(facts.mechanism)},
                                          {'a', "lport", number(facts.local_port)},
                                          {'b', "rport", number(facts.remote_port)},
                                          {'c', "secured", security},
                                          {'k', "ssl_security", facts.tls_security},
                                          {'e', "mail_pid", number(facts.mpid)},
                                          {'\0', "session", facts.session},
                                          {'\0', "real_rip", facts.remote_ip},
                                          {'\0', "real_lip", facts.local_ip},
                                          {'\0', "real_rport", number(facts.remote_port)},
                                          {'\0', "real_lport", number(facts.local_port)},
                                          {'\0', "local_name", base::printable(facts.local_name)},
                                          {'\0', "orig_user", user},
                                          {'\0', "auth_user", user},
                                      });
  return made;
}

// The same line with every variable empty: what an element without a value looks like.
conf::dovecot::Variables without_values(conf::dovecot::Variables variables) {
  for (auto& row : variables.table) row.value.clear();
  return variables;
}

bool names_user(std::string_view element) {
  for (auto [key, name] :
       {std::pair('u', "user"), std::pair('n', "username"), std::pair('d', "domain")}) {
    if (conf::dovecot::uses_variable(element, key, name)) return true;
  }
  return false;
}

}  // namespace

std::string login_log_line(const LoginLogFormat& format, std::string_view text,
                           const LoginFacts& facts) {
  auto variables = login_variables(facts);
  auto empty = without_values(variables);
  std::vector<std::string> parts;
  for (auto element : base::words(format.login_log_format_elements, " ")) {
    auto part = conf::dovecot::expand_variables(element, variables).text;
    if (part.empty()) continue;
    // "mpid=" says nothing, "user=<>" says that no name was given.
    bool variable = element.find('%') != element.npos;
    if (variable && !names_user(element) &&
        part == conf::dovecot::expand_variables(element, empty).text)
      continue;
    parts.push_back(std::move(part));
  }
  conf::dovecot::Variables line;
  line.table = {{'$', "", std::string(text)}, {'s', "", base::join(parts, ", ")}};
  auto expanded = conf::dovecot::expand_variables(format.login_log_format, line);
  return expanded.text;
}

std::string disconnect_reason(const LoginProgress& progress, base::Milliseconds now) {
  using Failure = LoginProgress::Failure;
  auto seconds = [now](base::Milliseconds since) { return (now - since).count() / 1000; };
  auto& p = progress;
  if (!p.auth_ready)
    return format("disconnected before auth was ready, waited {} secs", seconds(p.created));
  if (p.attempts == 0) return format("no auth attempts in {} secs", seconds(p.created));
  if (p.attempts == 1) {
    if (p.client_answers)
      return format("client didn't finish SASL auth, waited {} secs", seconds(p.attempt_started));
    if (p.authenticating && !p.finishing) {
      return format("disconnected while authenticating, waited {} secs",
                    seconds(p.attempt_started));
    }
    if (p.finishing && p.authenticating) {
      return format("disconnected while finishing login, waited {} secs",
                    seconds(p.attempt_started));
    }
    if (p.aborted) return "aborted authentication";
    if (p.auth_broken) return "auth process communication failure";
  }
  if (p.successes > 0) return format("internal failure, {} successful auths", p.successes);
  switch (p.last) {
    case Failure::authz:
      return format("authorization failed, {} attempts in {} secs", p.attempts,
                    seconds(p.first_attempt));
    case Failure::temporary:
      return "auth service reported temporary failure";
    case Failure::user_disabled:
      return "user disabled";
    case Failure::password_expired:
      return "password expired";
    case Failure::invalid_base64:
      return "sent invalid base64 in response";
    case Failure::login_disabled:
      return "login disabled";
    case Failure::mech_invalid:
      return "tried to use unsupported auth mechanism";
    case Failure::plaintext_refused:
      return "tried to use disallowed plaintext auth";
    case Failure::none:
    case Failure::failed:
      break;
  }
  return format("auth failed, {} attempts in {} secs", p.attempts, seconds(p.first_attempt));
}

}  // namespace dovetail::mda
