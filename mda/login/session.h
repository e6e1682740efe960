// One client before login: TLS, the dialogue of its protocol, authentication, and handing over to the broker. What is the
// same for all protocols is here; ImapLogin and Pop3Login speak.
//
// The order of things and all texts are the incumbent's: three wrong commands end a session, a wrong password does not; a
// client that says nothing for 180 s is sent away; when the process is full the oldest client goes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/log.h"
#include "common/base/secret.h"
#include "common/net/conn.h"
#include "common/net/tls.h"
#include "common/proto/auth_client.h"
#include "mda/broker/handover.h"
#include "mda/login/log_line.h"
#include "mda/login/login_settings.h"

namespace dovetail::mda {

// What the process has and all sessions use.
struct LoginServices {
  Loop& loop;
  Logger log;
  std::string protocol;  // "imap", "pop3"
  LoginSettingsCache& settings;
  proto::AuthClient& auth;
  std::string mail_socket;  // login/imap as this process sees it
};

// What is left of a TLS session after login, for hours: the two connections, and neither the dialogue nor the coroutines
// that led here.
struct LoginRelay {
  std::unique_ptr<Conn> client, mail;

  // Copies between them until either side ends.
  Task<> run();
};

class LoginSession {
 public:
  LoginSession(LoginServices& services, base::Fd fd);
  virtual ~LoginSession() = default;
  LoginSession(const LoginSession&) = delete;

  // Ends when the client has gone or logged in. Never throws IoError.
  Task<> run(bool implicit_tls);
  // After run(): a TLS session that has logged in is to be relayed by the caller. The session must not be used any more.
  std::optional<LoginRelay> take_relay() {
    if (!mail_) return std::nullopt;
    return LoginRelay{std::move(connection_), std::move(mail_)};
  }
  // The process is full and this is its oldest client.
  void drop_for_another();
  bool logged_in() const { return logged_in_; }
  bool may_be_dropped() const { return !logged_in_ && !dropped_; }

 protected:
  // Why an attempt failed, as the protocols say it.
  struct Failure {
    enum class Kind : uint8_t {
      failed,       // AUTHENTICATIONFAILED
      told_reason,  // ALERT: the text is auth's
      temporary,    // UNAVAILABLE
      authz,        // AUTHORIZATIONFAILED
      expired,      // EXPIRED
      login_disabled,
      invalid_base64,
      limit,
      aborted  // by the client
    } kind;
    std::string text;
  };

  // --- the protocol's part
  virtual void greet() = 0;
  // Reads and answers until the client logs in or goes; throws IoError.
  virtual Task<> talk() = 0;
  virtual Task<Secret> challenge(std::string_view base64) = 0;
  virtual void put_failure(const Failure& failure) = 0;
  virtual void put_goodbye(std::string_view text) = 0;
  // The connection or what is allowed on it has changed.
  virtual void options_changed() {}
  virtual std::string login_tag() const { return {}; }

  // --- for the protocol
  // One attempt to its end; true: the session is another process's now.
  Task<bool> authenticate(std::string mechanism, std::optional<Secret> initial_response);
  Task<bool> log_in(std::string user, Secret password);
  Task<> start_tls();
  // Ends talk(): `text` is the log line's part before the reason.
  void end(std::string text) { end_text_ = std::move(text); }
  bool ended() const { return !end_text_.empty(); }
  bool plaintext_allowed() const { return secured() || !settings_->disable_plaintext_auth; }
  bool tls_required() const { return settings_->ssl_required && !secured(); }
  bool secured() const { return conn_.is_tls() || same_host_ || trusted_; }
  bool can_start_tls() const { return settings_->tls != nullptr; }
  // A refusal before auth was asked; logged as "TEXT: user=<..>, ...".
  void refused(std::string_view text, const std::string& mechanism, LoginProgress::Failure why);
  void log_line(std::string_view text);

  LoginServices& services_;
  std::unique_ptr<Conn> connection_;
  Conn& conn_;
  std::shared_ptr<const LoginSettings> settings_;
  LoginFacts facts_;
  LoginProgress progress_;

 private:
  Task<> converse(bool implicit_tls);
  Task<bool> prepare(bool implicit_tls);
  Task<bool> take_reply(proto::AuthReply reply);
  Failure failure_of(const proto::AuthReply& reply);
  Task<bool> pass_on(proto::AuthReply reply);
  Task<bool> pass_on_plain(Handover handover);
  Task<bool> pass_on_tls(Handover handover);
  bool taken(const Result<HandoverAnswer>& answer);
  void begin_attempt(const std::string& mechanism);
  void fail_attempt(Failure failure, LoginProgress::Failure kept);
  void note_tls();
  void log_end(const IoError* error);
  Task<> say_goodbye(IoError::Why why);

  std::unique_ptr<Conn> mail_;  // a TLS session's other side: the mail process
  bool same_host_ = false, trusted_ = false;
  bool logged_in_ = false;
  bool dropped_ = false;
  bool log_end_ = true;
  std::string end_text_;
};

std::unique_ptr<LoginSession> make_imap_login(LoginServices& services, base::Fd fd);
std::unique_ptr<LoginSession> make_pop3_login(LoginServices& services, base::Fd fd);

// A new session id: base64 of time, port and address, unlike all others of this process.
std::string new_session_id(const SockAddr& peer);

}  // namespace dovetail::mda
