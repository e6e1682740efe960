// SPDX-License-Identifier: Apache-2.0
#include "mda/imap/login_commands.h"

#include <algorithm>

#include "common/base/text.h"
#include "mda/imap/capability.h"

namespace dovetail::mda::imap {

namespace {

constexpr unsigned kBadLoginCommands = 3;
constexpr size_t kLoginLine = 8192;  // a client nobody knows yet gets no more

ParserLimits login_limits(bool literal_minus) {
  return {kLoginLine, 4, literal_minus};
}

}  // namespace

LoginDialogue::LoginDialogue(Conn& conn, LoginOptions options)
    : conn_(conn),
      options_(std::move(options)),
      reader_(conn, login_limits(options_.imap_literal_minus), false) {}

std::string LoginDialogue::capability() const {
  auto list = capability_before_login(options_.imap_capability, options_.imap_literal_minus);
  if (options_.tls_available && !options_.tls_active) list += " STARTTLS";
  bool locked = options_.tls_required && !options_.tls_active;
  if (!options_.plaintext_allowed || locked) list += " LOGINDISABLED";
  if (locked) return list;
  for (const auto& mechanism : options_.mechanisms) {
    if (!mechanism.plaintext || options_.plaintext_allowed) list += " AUTH=" + mechanism.name;
  }
  return list;
}

std::string LoginDialogue::greeting() const {
  return format("* OK [CAPABILITY {}] {}\r\n", capability(), options_.login_greeting);
}

void LoginDialogue::tagged(std::string_view tag, std::string_view status, std::string_view text) {
  conn_.print("{} {} {}\r\n", tag.empty() ? "*" : tag, status, text);
}

void LoginDialogue::bye(std::string_view text) {
  conn_.print("* BYE {}\r\n", text);
}

Task<LoginRequest> LoginDialogue::next() {
  for (;;) {
    auto command = co_await reader_.read();
    auto request = handle(command);
    if (request) co_return std::move(*request);
  }
}

std::optional<LoginRequest> LoginDialogue::handle(Command& command) {
  if (!command.error.empty() && (command.fatal || command.error.ends_with("too large"))) {
    return LoginRequest{.reason = "Input buffer full"};
  }
  if (!command.error.empty()) return wrong_command(command);
  const auto& name = command.name;
  if (name == "LOGIN") return cmd_login(command);
  if (name == "AUTHENTICATE") return cmd_authenticate(command);
  if (name == "STARTTLS") return cmd_starttls(command);
  if (name == "CAPABILITY") {
    conn_.print("* CAPABILITY {}\r\n", capability());
    tagged(command.tag, "OK", "Pre-login capabilities listed, post-login capabilities have more.");
  } else if (name == "NOOP") {
    tagged(command.tag, "OK", "NOOP completed.");
  } else if (name == "ID") {
    conn_.put(id_response(options_.imap_id_send));
    tagged(command.tag, "OK", "ID completed.");
  } else if (name == "ENABLE") {
    conn_.put("* ENABLED\r\n");
    tagged(command.tag, "OK", "ENABLE ignored in non-authenticated state.");
  } else if (name == "LOGOUT") {
    bye("Logging out");
    tagged(command.tag, "OK", "Logout completed.");
    return LoginRequest{.kind = LoginRequest::Kind::logout, .tag = command.tag};
  } else {
    return wrong_command(command);
  }
  return std::nullopt;
}

std::optional<LoginRequest> LoginDialogue::wrong_command(const Command& command) {
  if (++bad_commands_ >= kBadLoginCommands) {
    bye("Too many invalid IMAP commands.");
    return LoginRequest{.tag = command.tag, .reason = "Too many invalid commands"};
  }
  tagged(command.tag, "BAD", "Error in IMAP command received by server.");
  return std::nullopt;
}

void LoginDialogue::note_refusal(LoginRefusal refusal) {
  if (on_refusal) return on_refusal(refusal);
  refusals_.push_back(std::move(refusal));
}

// RFC 3501 6.2.3
std::optional<LoginRequest> LoginDialogue::cmd_login(Command& command) {
  ArgReader args(command.args());
  auto user = args.astring();
  auto password = user ? args.astring() : nullptr;
  if (!password || !args.at_end()) return wrong_command(command);
  LoginRequest request{.kind = LoginRequest::Kind::login, .tag = command.tag};
  request.user = *user;
  request.password = Secret(*password);
  for (auto& arg : command.args()) base::wipe(arg.text);
  if (options_.plaintext_allowed && (!options_.tls_required || options_.tls_active)) return request;
  conn_.put(
      "* BAD [ALERT] Plaintext authentication not allowed without SSL/TLS, but your client did it "
      "anyway. "
      "If anyone was listening, the password was exposed.\r\n");
  no(request,
     "[PRIVACYREQUIRED] Plaintext authentication disallowed on non-secure (SSL/TLS) connections.");
  note_refusal({"", request.user, LoginRefusal::Why::plaintext});
  return std::nullopt;
}

// RFC 3501 6.2.2, RFC 4959
std::optional<LoginRequest> LoginDialogue::cmd_authenticate(Command& command) {
  ArgReader args(command.args());
  auto name = args.astring();
  if (!name) return wrong_command(command);
  auto response = args.at_end() ? nullptr : args.astring();
  if (!args.at_end()) return wrong_command(command);
  LoginRequest request{.kind = LoginRequest::Kind::authenticate,
                       .tag = command.tag,
                       .mechanism = base::upper(*name)};
  if (options_.tls_required && !options_.tls_active) {
    no(request, "[PRIVACYREQUIRED] Authentication not allowed until SSL/TLS is enabled.");
    note_refusal({request.mechanism, "", LoginRefusal::Why::tls_required});
    return std::nullopt;
  }
  auto known = std::find_if(
      options_.mechanisms.begin(), options_.mechanisms.end(),
      [&](const LoginMechanism& mechanism) { return mechanism.name == request.mechanism; });
  if (known == options_.mechanisms.end()) {
    no(request, "[ALERT] Unsupported authentication mechanism.");
    note_refusal({base::printable(request.mechanism), "", LoginRefusal::Why::unknown_mechanism});
    return std::nullopt;
  }
  if (known->plaintext && !options_.plaintext_allowed) {
    no(request, "[PRIVACYREQUIRED] Plaintext authentication disabled.");
    note_refusal({request.mechanism, "", LoginRefusal::Why::plaintext});
    return std::nullopt;
  }
  if (response)
    request.initial_response = Secret(*response == "=" ? std::string_view() : *response);
  for (auto& arg : command.args()) base::wipe(arg.text);
  return request;
}

std::optional<LoginRequest> LoginDialogue::cmd_starttls(Command& command) {
  LoginRequest request{.kind = LoginRequest::Kind::starttls, .tag = command.tag};
  if (options_.tls_active) {
    bad(request, "TLS is already active.");
  } else if (!options_.tls_available) {
    bad(request, "TLS support isn't enabled.");
  } else {
    ok(request, "Begin TLS negotiation now.");
    return request;
  }
  return std::nullopt;
}

Task<Secret> LoginDialogue::challenge(std::string_view base64) {
  conn_.print("+ {}\r\n", base64);
  auto line = co_await conn_.read_line(kLoginLine * 2);
  // Longer than any mechanism's answer: not base64, so the caller refuses it.
  if (line.too_long) co_return Secret("!");
  co_return Secret(line.text);
}

}  // namespace dovetail::mda::imap
