// IMAP before login: who speaks is mda/imap's LoginDialogue (RFC 3501 6.1, 6.2), here are its answers.
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "mda/imap/login_commands.h"
#include "mda/login/session.h"

namespace dovetail::mda {

namespace {

class ImapLogin : public LoginSession {
 public:
  ImapLogin(LoginServices& services, base::Fd fd)
      : LoginSession(services, std::move(fd)), dialogue_(conn_, {}) {
    dialogue_.on_refusal = [this](const imap::LoginRefusal& refusal) { log_refusal(refusal); };
  }

 protected:
  void greet() override { conn_.put(dialogue_.greeting()); }
  Task<> talk() override;
  Task<Secret> challenge(std::string_view base64) override {
    auto word = co_await dialogue_.challenge(base64);
    co_return word;
  }
  void put_failure(const Failure& failure) override;
  void put_goodbye(std::string_view text) override { dialogue_.bye(text); }
  void options_changed() override;
  std::string login_tag() const override { return request_.tag; }

 private:
  Task<bool> attempt();
  void log_refusal(const imap::LoginRefusal& refusal);

  imap::LoginDialogue dialogue_;
  imap::LoginRequest request_;
};

void ImapLogin::options_changed() {
  auto& options = dialogue_.options();
  options.login_greeting = settings_->login_greeting;
  options.imap_capability = settings_->imap_capability;
  options.imap_id_send = settings_->imap_id_send;
  options.imap_literal_minus = settings_->imap_literal_minus;
  options.tls_available = can_start_tls();
  options.tls_active = conn_.is_tls();
  options.tls_required = tls_required();
  options.plaintext_allowed = plaintext_allowed();
  options.mechanisms.clear();
  auto* known = services_.auth.known_mechanisms();
  if (!known) return;
  for (auto& mechanism : *known) {
    if (!mechanism.hidden) options.mechanisms.push_back({mechanism.name, mechanism.plaintext});
  }
}

void ImapLogin::log_refusal(const imap::LoginRefusal& refusal) {
  using Why = imap::LoginRefusal::Why;
  using Kept = LoginProgress::Failure;
  switch (refusal.why) {
    case Why::plaintext:
      refused(refusal.mechanism.empty()
                  ? "Login failed: Plaintext authentication disabled"
                  : format("Authenticate {} failed: Plaintext authentication disabled.",
                           refusal.mechanism),
              refusal.mechanism, Kept::plaintext_refused);
      break;
    case Why::tls_required:
      refused("Login failed: SSL required for authentication", refusal.mechanism, Kept::failed);
      break;
    case Why::unknown_mechanism:
      refused(format("Authenticate {} failed: Unsupported authentication mechanism.",
                     refusal.mechanism),
              refusal.mechanism, Kept::mech_invalid);
      break;
  }
  if (facts_.user.empty()) facts_.user = refusal.user;
}

Task<> ImapLogin::talk() {
  using Kind = imap::LoginRequest::Kind;
  while (!ended()) {
    request_ = co_await dialogue_.next();
    options_changed();
    if (request_.kind == Kind::login || request_.kind == Kind::authenticate) {
      bool gone = co_await attempt();
      if (gone) co_return;
    } else if (request_.kind == Kind::starttls) {
      co_await conn_.flush();
      co_await start_tls();
      options_changed();
    } else if (request_.kind == Kind::logout) {
      end("Disconnected: Aborted login by logging out");
    } else {
      end("Disconnected: " + request_.reason);
    }
  }
}

Task<bool> ImapLogin::attempt() {
  if (request_.kind == imap::LoginRequest::Kind::login) {
    bool gone = co_await log_in(request_.user, std::move(request_.password));
    co_return gone;
  }
  bool gone = co_await authenticate(request_.mechanism, std::move(request_.initial_response));
  co_return gone;
}

void ImapLogin::put_failure(const Failure& failure) {
  using Kind = Failure::Kind;
  if (failure.kind == Kind::aborted) return dialogue_.bad(request_, failure.text);
  static constexpr std::string_view codes[] = {
      "AUTHENTICATIONFAILED", "ALERT", "UNAVAILABLE", "AUTHORIZATIONFAILED", "EXPIRED",
      "CONTACTADMIN",         "ALERT", "LIMIT"};
  dialogue_.no(request_, format("[{}] {}", codes[static_cast<int>(failure.kind)],
                                base::printable(failure.text, true)));
}

}  // namespace

std::unique_ptr<LoginSession> make_imap_login(LoginServices& services, base::Fd fd) {
  return std::make_unique<ImapLogin>(services, std::move(fd));
}

}  // namespace dovetail::mda
