// POP3 before login (RFC 1939 4; CAPA and RESP-CODES RFC 2449; AUTH RFC 5034; STLS RFC 2595).
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "mda/login/session.h"

namespace dovetail::mda {

namespace {

constexpr unsigned kBadPop3Commands = 3;
constexpr size_t kPop3Line = 8192;

class Pop3Login : public LoginSession {
 public:
  using LoginSession::LoginSession;

 protected:
  void greet() override { conn_.print("+OK {}\r\n", settings_->login_greeting); }
  Task<> talk() override;
  Task<Secret> challenge(std::string_view base64) override;
  void put_failure(const Failure& failure) override;
  void put_goodbye(std::string_view text) override { conn_.print("-ERR {}\r\n", text); }

 private:
  using Words = std::string_view;
  struct Command {
    std::string_view name;
    Task<bool> (Pop3Login::*run)(std::string args);
  };
  static const Command commands_[];

  // True: the session is another process's now.
  Task<bool> execute(std::string line);
  Task<bool> cmd_auth(std::string args);
  Task<bool> cmd_apop(std::string args);
  Task<bool> cmd_capa(std::string args);
  Task<bool> cmd_pass(std::string args);
  Task<bool> cmd_quit(std::string args);
  Task<bool> cmd_stls(std::string args);
  Task<bool> cmd_user(std::string args);
  const proto::AuthMech* mechanism(std::string_view name) const;
  bool refuse_plaintext();

  std::string user_;
  unsigned bad_commands_ = 0;
};

// clang-format off
constexpr Pop3Login::Command Pop3Login::commands_[] = {
    {"APOP", &Pop3Login::cmd_apop},
    {"AUTH", &Pop3Login::cmd_auth},
    {"CAPA", &Pop3Login::cmd_capa},
    {"PASS", &Pop3Login::cmd_pass},
    {"QUIT", &Pop3Login::cmd_quit},
    {"STLS", &Pop3Login::cmd_stls},
    {"USER", &Pop3Login::cmd_user},
};
// clang-format on

Task<> Pop3Login::talk() {
  while (!ended()) {
    auto line = co_await conn_.read_line(kPop3Line);
    if (line.too_long) {
      put_goodbye("Input line too long, aborting.");
      end("Disconnected: Input line too long");
      co_return;
    }
    std::string text(line.text);
    bool gone = co_await execute(std::move(text));
    if (gone) co_return;
  }
}

Task<bool> Pop3Login::execute(std::string line) {
  auto [word, rest] = base::cut(line, ' ');
  auto name = base::upper(word);
  std::string args(rest.value_or(std::string_view()));
  for (auto& command : commands_) {
    if (command.name != name) continue;
    bool gone = co_await (this->*command.run)(std::move(args));
    base::wipe(line);
    co_return gone;
  }
  conn_.put("-ERR Unknown command.\r\n");
  if (++bad_commands_ >= kBadPop3Commands) {
    put_goodbye("Too many invalid commands.");
    end("Disconnected: Disconnected: Too many bad commands");
  }
  co_return false;
}

bool Pop3Login::refuse_plaintext() {
  if (plaintext_allowed() && !tls_required()) return false;
  conn_.put(
      "-ERR [AUTH] Plaintext authentication disallowed on non-secure (SSL/TLS) connections.\r\n");
  refused("Login failed: Plaintext authentication disabled", "",
          LoginProgress::Failure::plaintext_refused);
  return true;
}

Task<bool> Pop3Login::cmd_user(std::string args) {
  if (refuse_plaintext()) co_return false;
  user_ = std::move(args);
  conn_.put("+OK\r\n");
  co_return false;
}

Task<bool> Pop3Login::cmd_pass(std::string args) {
  Secret password(args);
  base::wipe(args);
  if (user_.empty()) {
    conn_.put("-ERR No username given.\r\n");
    co_return false;
  }
  auto user = std::exchange(user_, {});
  bool gone = co_await log_in(std::move(user), std::move(password));
  co_return gone;
}

Task<bool> Pop3Login::cmd_apop(std::string) {
  conn_.put("-ERR APOP not enabled.\r\n");
  log_line("APOP failed: APOP not enabled");
  co_return false;
}

const proto::AuthMech* Pop3Login::mechanism(std::string_view name) const {
  auto* known = services_.auth.known_mechanisms();
  if (!known) return nullptr;
  for (auto& row : *known) {
    if (row.name == name && !row.hidden) return &row;
  }
  return nullptr;
}

Task<bool> Pop3Login::cmd_auth(std::string args) {
  auto* known = services_.auth.known_mechanisms();
  if (args.empty()) {
    conn_.put("+OK\r\n");
    if (known && !tls_required()) {
      for (auto& row : *known) {
        if (!row.hidden && (!row.plaintext || plaintext_allowed())) conn_.print("{}\r\n", row.name);
      }
    }
    conn_.put(".\r\n");
    co_return false;
  }
  auto [word, rest] = base::cut(args, ' ');
  auto name = base::upper(word);
  auto shown = base::printable(name);
  auto* row = mechanism(name);
  if (tls_required()) {
    conn_.put("-ERR [AUTH] Authentication not allowed until SSL/TLS is enabled.\r\n");
    refused("Login failed: SSL required for authentication", shown, LoginProgress::Failure::failed);
    co_return false;
  }
  if (!row) {
    conn_.put("-ERR Unsupported authentication mechanism.\r\n");
    refused(format("Authenticate {} failed: Unsupported authentication mechanism.", shown), shown,
            LoginProgress::Failure::mech_invalid);
    co_return false;
  }
  if (row->plaintext && !plaintext_allowed()) {
    conn_.put("-ERR [AUTH] Plaintext authentication disabled.\r\n");
    refused(format("Authenticate {} failed: Plaintext authentication disabled.", shown), shown,
            LoginProgress::Failure::plaintext_refused);
    co_return false;
  }
  std::optional<Secret> initial;
  if (rest) initial.emplace(*rest == "=" ? std::string_view() : *rest);
  bool gone = co_await authenticate(std::move(name), std::move(initial));
  co_return gone;
}

Task<Secret> Pop3Login::challenge(std::string_view base64) {
  conn_.print("+ {}\r\n", base64);
  auto line = co_await conn_.read_line(2 * kPop3Line);
  if (line.too_long) co_return Secret("!");
  co_return Secret(line.text);
}

Task<bool> Pop3Login::cmd_capa(std::string) {
  conn_.put("+OK\r\nCAPA\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nPIPELINING\r\nAUTH-RESP-CODE\r\n");
  if (can_start_tls() && !conn_.is_tls()) conn_.put("STLS\r\n");
  bool plain = plaintext_allowed() && !tls_required();
  if (plain) conn_.put("USER\r\n");
  std::string list;
  if (auto* known = services_.auth.known_mechanisms(); known && !tls_required()) {
    for (auto& row : *known) {
      if (!row.hidden && (!row.plaintext || plain)) list += " " + row.name;
    }
  }
  conn_.print("SASL{}\r\n.\r\n", list);
  co_return false;
}

Task<bool> Pop3Login::cmd_stls(std::string) {
  if (conn_.is_tls()) {
    conn_.put("-ERR TLS is already active.\r\n");
    co_return false;
  }
  if (!can_start_tls()) {
    conn_.put("-ERR TLS support isn't enabled.\r\n");
    co_return false;
  }
  conn_.put("+OK Begin TLS negotiation now.\r\n");
  co_await conn_.flush();
  co_await start_tls();
  user_.clear();
  co_return false;
}

Task<bool> Pop3Login::cmd_quit(std::string) {
  conn_.put("+OK Logging out\r\n");
  end("Disconnected: Aborted login by logging out");
  co_return false;
}

void Pop3Login::put_failure(const Failure& failure) {
  using Kind = Failure::Kind;
  static constexpr std::string_view codes[] = {
      "[AUTH] ", "[AUTH] ", "[SYS/TEMP] ", "[AUTH] ", "[AUTH] ", "[AUTH] ", "", "[IN-USE] ", ""};
  static_assert(std::size(codes) == static_cast<size_t>(Kind::aborted) + 1);
  conn_.print("-ERR {}{}\r\n", codes[static_cast<int>(failure.kind)],
              base::printable(failure.text, true));
}

}  // namespace

std::unique_ptr<LoginSession> make_pop3_login(LoginServices& services, base::Fd fd) {
  return std::make_unique<Pop3Login>(services, std::move(fd));
}

}  // namespace dovetail::mda
