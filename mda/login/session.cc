// SPDX-License-Identifier: Apache-2.0
#include "mda/login/session.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "common/base/clock.h"
#include "common/base/text.h"

namespace dovetail::mda {

namespace {

using base::Milliseconds;

constexpr Milliseconds kLoginIdle{180000};
constexpr Milliseconds kAuthReady{30000};

std::string tls_security_text(const net::TlsInfo& info) {
  return format("{} with cipher {} ({}/{} bits)", info.protocol, info.cipher, info.cipher_bits,
                info.algorithm_bits);
}

}  // namespace

std::string new_session_id(const SockAddr& peer) {
  static uint64_t last = 0;
  auto now = base::wall_now();
  uint64_t stamp =
      static_cast<uint64_t>(now.seconds) * 1000000 + static_cast<uint64_t>(now.microseconds);
  last = stamp = std::max(stamp, last + 1);
  std::string bytes;
  for (int i = 0; i < 6; ++i) bytes += static_cast<char>(stamp >> (8 * i));
  bytes += static_cast<char>(peer.port() & 255);
  bytes += static_cast<char>(peer.port() >> 8);
  bytes += peer.is_ip() ? peer.address_bytes() : std::string();
  auto text = base::base64(bytes);
  return std::string(base::trim_right(text, "="));
}

LoginSession::LoginSession(LoginServices& services, base::Fd fd)
    : services_(services),
      connection_(std::make_unique<Conn>(services.loop, std::move(fd))),
      conn_(*connection_) {
  facts_.service = services.protocol;
  facts_.remote_ip = conn_.peer().is_ip() ? conn_.peer().host() : "";
  facts_.local_ip = conn_.local().is_ip() ? conn_.local().host() : "";
  facts_.remote_port = conn_.peer().is_ip() ? conn_.peer().port() : 0;
  facts_.local_port = conn_.local().is_ip() ? conn_.local().port() : 0;
  facts_.session = new_session_id(conn_.peer());
  progress_.created = base::monotonic_now();
  same_host_ = !facts_.remote_ip.empty() && facts_.remote_ip == facts_.local_ip;
  if (same_host_) facts_.security = LoginFacts::Security::secured;
}

void LoginSession::log_line(std::string_view text) {
  services_.log.info(
      "{}", login_log_line(settings_ ? settings_->log_format : LoginLogFormat(), text, facts_));
}

// --- from the first byte to the last

Task<> LoginSession::run(bool implicit_tls) {
  IoError::Why why = IoError::eof;
  bool broken = false;
  try {
    co_await converse(implicit_tls);
  } catch (const IoError& error) {
    if (!logged_in_) log_end(&error);
    why = error.why;
    broken = true;
  }
  if (logged_in_) co_return;
  if (broken)
    co_await say_goodbye(why);
  else if (log_end_)
    log_end(nullptr);
}

Task<> LoginSession::converse(bool implicit_tls) {
  bool ready = co_await prepare(implicit_tls);
  if (!ready) co_return;
  greet();
  co_await talk();
  if (!logged_in_) co_await conn_.flush();
}

Task<bool> LoginSession::prepare(bool implicit_tls) {
  auto settings = services_.settings.get(facts_.local_ip, facts_.remote_ip);
  if (!settings) {
    services_.log.error("{}", settings.error().text);
    log_end_ = false;
    co_return false;
  }
  settings_ = *settings;
  for (auto& network : settings_->login_trusted_networks)
    trusted_ |= network.contains(conn_.peer());
  if (trusted_) facts_.security = LoginFacts::Security::secured;
  if (!settings_->tls_error.empty()) {
    services_.log.error("Failed to initialize SSL server context: {}", settings_->tls_error);
  }
  conn_.set_timeout(kLoginIdle);
  if (implicit_tls && !settings_->tls) {
    progress_.auth_ready = true;
    end("Disconnected: TLS initialization failed.");
    co_return false;
  }
  if (implicit_tls) co_await start_tls();
  auto mechanisms = co_await services_.auth.mechanisms(kAuthReady);
  if (!mechanisms) {
    services_.log.error("{}", mechanisms.error().text);
    put_goodbye("Auth process broken");
    co_await conn_.flush();
    end("Disconnected: Auth process broken");
    co_return false;
  }
  progress_.auth_ready = true;
  options_changed();
  co_return true;
}

Task<> LoginSession::start_tls() {
  auto before = facts_.security;
  bool was_ready =
      std::exchange(progress_.auth_ready, true);  // a failed handshake counts as "no auth attempts"
  facts_.security = LoginFacts::Security::tls_handshaking;
  try {
    co_await conn_.start_tls_server(settings_->tls);
  } catch (const IoError& error) {
    if (error.text.empty()) throw;
    facts_.tls_error = "SSL_accept() failed: " + error.text;
    throw IoError{error.why, error.code, facts_.tls_error};
  }
  progress_.auth_ready = was_ready;
  facts_.security = before;
  note_tls();
}

// The filters are looked at again: a local_name may change more than the certificate.
void LoginSession::note_tls() {
  auto info = net::tls_info(conn_.tls());
  facts_.security = LoginFacts::Security::tls;
  facts_.tls_security = tls_security_text(info);
  facts_.local_name = info.server_name;
  auto named = services_.settings.get(facts_.local_ip, facts_.remote_ip, facts_.local_name);
  if (named) settings_ = *named;
}

void LoginSession::drop_for_another() {
  dropped_ = true;
  conn_.cancel();
}

void LoginSession::log_end(const IoError* error) {
  auto now = base::monotonic_now();
  std::string text = end_text_.empty() ? "Disconnected: Connection closed" : end_text_;
  if (dropped_) {
    text = "Disconnected: Connection queue full";
  } else if (error && error->why == IoError::timeout) {
    bool during = progress_.authenticating || progress_.client_answers;
    text = during ? "Disconnected: Inactivity during authentication" : "Disconnected: Inactivity";
  } else if (error && error->why == IoError::cancelled) {
    text = "Disconnected: Shutting down";
  } else if (error && !error->text.empty()) {
    text = "Disconnected: Connection closed: " + error->text;
  } else if (error && error->why == IoError::error && error->code != 0) {
    text = format("Disconnected: Connection closed: read(size=1024) failed: {}",
                  strerror(error->code));
  }
  log_line(format("{} ({})", text, disconnect_reason(progress_, now)));
}

Task<> LoginSession::say_goodbye(IoError::Why why) {
  if (why != IoError::timeout && !dropped_) co_return;
  bool during = progress_.authenticating || progress_.client_answers;
  const char* words = during ? "Disconnected for inactivity during authentication."
                             : "Disconnected for inactivity.";
  put_goodbye(dropped_ ? "Connection queue full" : words);
  try {
    conn_.set_timeout(Milliseconds(1000));
    co_await conn_.flush();
  } catch (const IoError&) {
    // Gone for good.
  }
}

// --- authentication

void LoginSession::begin_attempt(const std::string& mechanism) {
  ++progress_.attempts;
  auto now = base::monotonic_now();
  if (progress_.attempts == 1) progress_.first_attempt = now;
  progress_.attempt_started = now;
  progress_.aborted = progress_.auth_broken = false;
  facts_.mechanism = mechanism;
}

void LoginSession::refused(std::string_view text, const std::string& mechanism,
                           LoginProgress::Failure why) {
  begin_attempt(mechanism);
  progress_.last = why;
  log_line(text);
}

Task<bool> LoginSession::log_in(std::string user, Secret password) {
  std::string plain = '\0' + user + '\0';
  plain += password.reveal();
  auto encoded = Secret(base::base64(plain));
  base::wipe(plain);
  std::optional<Secret> response(std::move(encoded));
  bool gone = co_await authenticate("PLAIN", std::move(response));
  co_return gone;
}

Task<bool> LoginSession::authenticate(std::string mechanism,
                                      std::optional<Secret> initial_response) {
  begin_attempt(mechanism);
  proto::AuthRequest request;
  request.mechanism = mechanism;
  request.service = services_.protocol;
  request.secured = secured();
  request.tls = conn_.is_tls();
  request.no_penalty = trusted_;
  request.local_ip = facts_.local_ip;
  request.remote_ip = facts_.remote_ip;
  request.local_port = static_cast<uint16_t>(facts_.local_port);
  request.remote_port = static_cast<uint16_t>(facts_.remote_port);
  request.local_name = facts_.local_name;
  request.session = facts_.session;
  request.initial_response = std::move(initial_response);
  proto::AuthExchange exchange(services_.auth);
  progress_.authenticating = true;
  auto reply = co_await exchange.start(std::move(request));
  while (reply.status == proto::AuthReply::cont) {
    progress_.client_answers = true;
    auto response = co_await challenge(reply.challenge);
    progress_.client_answers = false;
    if (response.reveal() == "*") {
      exchange.cancel();
      progress_.authenticating = false;
      progress_.aborted = true;
      put_failure({Failure::Kind::aborted, "Authentication aborted by client."});
      co_return false;
    }
    reply = co_await exchange.answer(std::move(response));
  }
  bool gone = co_await take_reply(std::move(reply));
  progress_.authenticating = progress_.finishing = false;
  co_return gone;
}

void LoginSession::fail_attempt(Failure failure, LoginProgress::Failure kept) {
  progress_.last = kept;
  put_failure(failure);
}

LoginSession::Failure LoginSession::failure_of(const proto::AuthReply& reply) {
  using Kind = Failure::Kind;
  using Kept = LoginProgress::Failure;
  auto reason = reply.reason();
  auto code = reply.code();
  auto say = [&](Kind kind, std::string text, Kept kept) {
    progress_.last = kept;
    return Failure{kind, reason.empty() ? std::move(text) : reason};
  };
  if (reply.temporary()) {
    auto stamp = base::format_time("%Y-%m-%d %H:%M:%S", base::wall_now().seconds);
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    return say(Kind::temporary, format("Temporary authentication failure. [{}:{}]", host, stamp),
               Kept::temporary);
  }
  if (code == "authz_fail") return say(Kind::authz, "Authorization failed", Kept::authz);
  if (code == "pass_expired") return say(Kind::expired, "Password expired", Kept::password_expired);
  if (code == "invalid_base64") {
    log_line(format("Authenticate {} failed: Invalid base64 in response", facts_.mechanism));
    return say(Kind::invalid_base64, "Invalid base64 in response", Kept::invalid_base64);
  }
  auto kept = code == "user_disabled" ? Kept::user_disabled : Kept::failed;
  if (!reason.empty()) return say(Kind::told_reason, reason, kept);
  return say(Kind::failed, "Authentication failed.", kept);
}

Task<bool> LoginSession::take_reply(proto::AuthReply reply) {
  if (!reply.user.empty()) facts_.user = reply.user;
  if (reply.status == proto::AuthReply::unavailable) {
    progress_.auth_broken = true;
    services_.log.error("{}", reply.error);
  }
  if (reply.status != proto::AuthReply::ok) {
    put_failure(failure_of(reply));
    co_return false;
  }
  ++progress_.successes;
  if (reply.fields.has("nologin")) {
    auto reason = reply.reason();
    if (reason.empty()) reason = "Login disabled for this user";
    fail_attempt({Failure::Kind::login_disabled, std::move(reason)},
                 LoginProgress::Failure::login_disabled);
    co_return false;
  }
  if (reply.fields.has("proxy") || reply.fields.has("proxy_maybe")) {
    services_.log.error("{}", login_log_line(settings_->log_format,
                                             format("proxy({}): proxying is not supported yet",
                                                    base::printable(facts_.user)),
                                             facts_));
    fail_attempt({Failure::Kind::temporary, "Account is temporarily unavailable."},
                 LoginProgress::Failure::temporary);
    co_return false;
  }
  progress_.finishing = true;
  bool gone = co_await pass_on(std::move(reply));
  co_return gone;
}

// --- handing over

Task<bool> LoginSession::pass_on(proto::AuthReply reply) {
  Handover handover;
  handover.service = services_.protocol;
  handover.user = facts_.user;
  handover.session = facts_.session;
  handover.local_ip = facts_.local_ip;
  handover.remote_ip = facts_.remote_ip;
  handover.local_port = facts_.local_port;
  handover.remote_port = facts_.remote_port;
  handover.tag = login_tag();
  handover.tls = conn_.is_tls();
  handover.auth_client_pid = reply.handover.client_pid;
  handover.auth_request = reply.handover.request_id;
  handover.auth_cookie = reply.handover.cookie;
  handover.userip_limit = settings_->mail_max_userip_connections;
  co_await conn_.flush();
  if (conn_.is_tls()) {
    bool relayed = co_await pass_on_tls(std::move(handover));
    co_return relayed;
  }
  bool passed = co_await pass_on_plain(std::move(handover));
  co_return passed;
}

bool LoginSession::taken(const Result<HandoverAnswer>& answer) {
  if (answer && !answer->user.empty()) facts_.user = answer->user;
  if (answer && answer->status == HandoverAnswer::Status::taken) {
    facts_.mpid = answer->mpid;
    logged_in_ = true;
    log_line("Login");
    return true;
  }
  if (answer && answer->status == HandoverAnswer::Status::limit) {
    auto text = format(
        "Maximum number of connections from user+IP exceeded (mail_max_userip_connections={})",
        settings_->mail_max_userip_connections);
    put_failure({Failure::Kind::limit, text});
    log_line("Disconnected: " + text);
    log_end_ = false;
    end("limit");
    return false;
  }
  auto why = answer ? answer->error : answer.error().text;
  services_.log.error(
      "{}", login_log_line(settings_->log_format, "Login failed: " + base::printable(why), facts_));
  put_failure({Failure::Kind::temporary,
               "Internal error occurred. Refer to server log for more information."});
  return false;
}

Task<bool> LoginSession::pass_on_plain(Handover handover) {
  handover.input = std::string(conn_.buffered());
  auto answer =
      co_await hand_over(services_.loop, services_.mail_socket, std::move(handover), conn_.fd());
  co_return taken(answer);
}

Task<bool> LoginSession::pass_on_tls(Handover handover) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) {
    co_return taken(errno_error("socketpair() failed", errno));
  }
  base::Fd ours(ends[0]), theirs(ends[1]);
  auto answer =
      co_await hand_over(services_.loop, services_.mail_socket, std::move(handover), theirs.get());
  theirs.reset();
  if (!taken(answer)) co_return false;
  mail_ = std::make_unique<Conn>(services_.loop, std::move(ours));
  co_return true;
}

Task<> LoginRelay::run() {
  client->set_timeout(std::nullopt);
  client->set_deadline(std::nullopt);
  co_await net::relay(*client, *mail);
  client->shutdown_write();
}

}  // namespace dovetail::mda
