// IMAP before login: the dialogue up to the moment when the login process has something to do. CAPABILITY, ID, NOOP,
// ENABLE and wrong commands are answered here; LOGIN, AUTHENTICATE, STARTTLS and LOGOUT are handed out, checked against
// what the connection allows. Who checks passwords, counts failures and starts TLS is mda/login.
//
//   LoginDialogue dialogue(conn, options);
//   conn.put(dialogue.greeting());
//   for (;;) {
//     auto request = co_await dialogue.next();                       // throws IoError
//     switch (request.kind) {
//       case starttls:      dialogue.ok(request, "Begin TLS negotiation now."); flush; handshake; options_changed
//       case login:         ask auth with PLAIN; then ok(), fail() or hand the connection over with request.tag
//       case authenticate:  request.initial_response, else co_await dialogue.challenge("") for the client's first word
//       case logout, disconnect: flush and close (the answer is already put)
//     }
//   }
// RFC 3501 6.1, 6.2; SASL-IR RFC 4959; ID RFC 2971. Texts are the incumbent's.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/secret.h"
#include "mda/imap/command_reader.h"

namespace dovetail::mda::imap {

struct LoginMechanism {
  std::string name;
  bool plaintext = false;
};

// What the connection is now; the login process changes it after STARTTLS.
struct LoginOptions {
  std::string login_greeting = "Dovecot ready.";
  std::string imap_capability;
  std::string imap_id_send = "name *";
  bool imap_literal_minus = false;
  bool tls_available = false;  // ssl is not "no" and there is a certificate
  bool tls_active = false;
  bool tls_required = false;               // ssl = required, and the client is not on this host
  bool plaintext_allowed = true;           // TLS, this host, or disable_plaintext_auth = no
  std::vector<LoginMechanism> mechanisms;  // in the auth server's order
};

struct LoginRequest {
  enum class Kind : uint8_t { login, authenticate, starttls, logout, disconnect };
  // Why a connection that ends counts as it does in the log ("Too many invalid commands").
  Kind kind = Kind::disconnect;
  std::string tag{};
  std::string user{};                        // login
  Secret password{};                         // login
  std::string mechanism{};                   // authenticate, upper case
  std::optional<Secret> initial_response{};  // authenticate: base64, "" for "="
  std::string reason{};                      // disconnect: for the log
};

// Something the client was refused before the auth server was asked; the login process logs it.
struct LoginRefusal {
  std::string mechanism;
  std::string user;
  enum class Why : uint8_t { plaintext, tls_required, unknown_mechanism } why;
};

class LoginDialogue {
 public:
  LoginDialogue(Conn& conn, LoginOptions options);

  std::string greeting() const;
  std::string capability() const;
  LoginOptions& options() { return options_; }

  Task<LoginRequest> next();
  // Called at each refusal; without it they collect for take_refusals().
  std::function<void(const LoginRefusal&)> on_refusal;
  // Refusals since the last call.
  std::vector<LoginRefusal> take_refusals() { return std::exchange(refusals_, {}); }

  // One step of AUTHENTICATE: sends "+ CHALLENGE" (base64) and gives the client's base64 line, "*" for an abort.
  Task<Secret> challenge(std::string_view base64);
  void ok(const LoginRequest& request, std::string_view text) { tagged(request.tag, "OK", text); }
  void no(const LoginRequest& request, std::string_view text) { tagged(request.tag, "NO", text); }
  void bad(const LoginRequest& request, std::string_view text) { tagged(request.tag, "BAD", text); }
  // "* BYE text"
  void bye(std::string_view text);

 private:
  void tagged(std::string_view tag, std::string_view status, std::string_view text);
  std::optional<LoginRequest> handle(Command& command);
  std::optional<LoginRequest> cmd_login(Command& command);
  std::optional<LoginRequest> cmd_authenticate(Command& command);
  std::optional<LoginRequest> cmd_starttls(Command& command);
  std::optional<LoginRequest> wrong_command(const Command& command);
  void note_refusal(LoginRefusal refusal);

  Conn& conn_;
  LoginOptions options_;
  CommandReader reader_;
  unsigned bad_commands_ = 0;
  std::vector<LoginRefusal> refusals_;
};

}  // namespace dovetail::mda::imap
