// SPDX-License-Identifier: Apache-2.0
#include "mta/smtpd/session.h"

#include <utility>

#include "common/base/text.h"
#include "common/mail/header.h"
#include "mta/anvil/anvil_client.h"
#include "mta/smtpd/checks.h"
#include "mta/smtpd/commands.h"
#include "mta/smtpd/peer.h"

namespace dovetail::mta::smtpd {

using base::format;

namespace {

constexpr std::string_view kUnknown = "UNKNOWN";
constexpr std::string_view kLost = "lost connection";
constexpr size_t kUnknownIndex = kCommandCount;

std::optional<size_t> find_command(std::string_view verb) {
  for (size_t i = 0; i < kCommandCount; ++i) {
    if (base::iequals(verb, commands[i].name)) return i;
  }
  return std::nullopt;
}

// Text from a client, or from a table: never longer than a reply line may be (RFC 5321 4.5.3.1.5).
constexpr size_t kReplyText = 500;

}  // namespace

Session::Session(Server& shared, Fd fd, const SockAddr& peer, const SockAddr& local, bool stress)
    : server(shared),
      parameters(stress ? shared.stressed : shared.normal),
      conn(shared.loop, std::move(fd)) {
  for (size_t i = 0; i < kCommandCount; ++i) counts_[i].name = commands[i].label;
  counts_[kUnknownIndex].name = "unknown";
  if (peer.is_ip()) {
    client.address = peer.host();
    client.port = format("{}", peer.port());
    client.family = client.address.find(':') == client.address.npos ? AF_INET : AF_INET6;
  } else {
    local_program_ = true;
    client.name = client.reverse_name = "localhost";  // a socket of this host
    client.name_status = client.reverse_status = NameStatus::ok;
    client.family = AF_INET;
  }
  client.log_port = parameters.smtpd_client_port_logging;
  server_address = local.is_ip() ? local.host() : "127.0.0.1";
  server_port = local.is_ip() ? format("{}", local.port()) : "";
  conn.set_timeout(parameters.smtpd_timeout);
}

Session::~Session() = default;

TransactionText Session::transaction_text() const {
  TransactionText text;
  if (check.sender)
    text.sender = check.sender;
  else if (mail)
    text.sender = mail->sender;
  if (check.recipient)
    text.recipient = check.recipient;
  else if (mail && mail->recipients == 1)
    text.recipient = mail->first_recipient;
  text.protocol = protocol;
  text.helo = helo;
  if (authenticated()) text.sasl_username = sasl.username;
  return text;
}

bool Session::sasl_active() const {
  if (!parameters.smtpd_sasl_auth_enable || !server.auth) return false;
  bool only_tls = parameters.smtpd_tls_auth_only || server.tls_level == TlsLevel::encrypt;
  return tls || !only_tls;
}

void Session::forget_helo() {
  helo.reset();
  sasl = {};
}

Task<> Session::run() {
  co_await find_client_name(*this);
  real_client = client;
  server.log.write(Level::info, connect_line(client));
  co_await converse();
  mail.reset();
  if (connected_to_anvil_) co_await server.anvil->disconnect(server.service, real_client.address);
  std::vector<VerbCount> counts(counts_.begin(), counts_.end());
  server.log.write(Level::info, disconnect_line(client, counts));
}

Task<> Session::converse() {
  std::optional<IoError> ended;
  try {
    bool refused = co_await over_connection_limit();
    if (!refused) {
      if (parameters.smtpd_tls_wrappermode && !tls) co_await start_tls();
      restart_ = true;
      while (!hang_up_) {
        if (std::exchange(restart_, false)) co_await greet();
        co_await one_command();
      }
    }
    co_await conn.flush();
  } catch (const IoError& error) {
    ended = error;
  }
  if (ended) reason_ = ended->why == IoError::timeout ? "timeout" : kLost;
  if (ended && ended->why == IoError::timeout) co_await say_goodbye();
  if (!reason_.empty()) log_end();
  conn.shutdown_write();
}

Task<> Session::say_goodbye() {
  try {
    conn.set_timeout(base::Seconds(10));
    conn.set_deadline(std::nullopt);
    conn.put(
        Reply{421, "4.4.2", format("{} Error: timeout exceeded", parameters.myhostname)}.wire());
    co_await conn.flush();
  } catch (const IoError&) {
    // Gone for good; the timeout is logged all the same.
  }
}

void Session::log_end() {
  // A client that leaves without QUIT after its message has done nothing wrong.
  if (where == "END-OF-MESSAGE" && reason_ == kLost) return;
  server.log.write(Level::info, ended_line(reason_, where, bytes_in_data, client));
}

// --- the beginning

Task<bool> Session::over_connection_limit() {
  auto exempt = co_await server.event_limit_exceptions.match_client(client.name, client.address);
  counts_events_ = server.anvil && exempt && !*exempt;
  if (!counts_events_) co_return false;
  auto& p = parameters;
  auto counts = co_await server.anvil->connect(server.service, client.address);
  if (!counts) co_return false;
  connected_to_anvil_ = true;
  std::string_view what;
  int count = 0;
  if (p.smtpd_client_connection_count_limit > 0 &&
      counts->count > p.smtpd_client_connection_count_limit) {
    what = "Connection concurrency";
    count = counts->count;
  } else if (p.smtpd_client_connection_rate_limit > 0 &&
             counts->rate > p.smtpd_client_connection_rate_limit) {
    what = "Connection rate";
    count = counts->rate;
  } else {
    co_return false;
  }
  conn.put(Reply{421, "4.7.0",
                 format("{} Error: too many connections from {}", p.myhostname, client.address)}
               .wire());
  server.log.write(Level::warning, limit_warning(what, count, client, server.service));
  co_return true;
}

// What follows from who the client is; XCLIENT makes it another one.
Task<> Session::judge_client() {
  auto& p = parameters;
  auto xclient = co_await server.xclient_hosts.match_client(client.name, client.address);
  may_xclient = xclient && *xclient;
  auto xforward = co_await server.xforward_hosts.match_client(client.name, client.address);
  may_xforward = xforward && *xforward;
  auto trusted = co_await server.mynetworks.match_client(client.name, client.address);
  in_mynetworks = trusted && *trusted;
  auto silent = co_await server.sasl_exceptions.match_client(client.name, client.address);
  announce_auth = silent && !*silent;
  auto lenient = co_await server.bare_newline_exclusions.match_client(client.name, client.address);
  watch_bare_lf = p.smtpd_forbid_bare_newline != "no" && !(lenient && *lenient);
  refuse_bare_lf = watch_bare_lf && p.smtpd_forbid_bare_newline == "reject";
  discard_keywords = server.discard_keywords;
  auto words = co_await server.discard_keyword_maps.lookup(client.address);
  if (words && *words) discard_keywords = ehlo_keywords(**words, server.log);
}

Task<> Session::greet() {
  co_await judge_client();
  access_denied_.reset();
  if (!parameters.smtpd_delay_reject) {
    auto refused = co_await check_client(*this);
    if (refused) {
      access_denied_ = *refused;
      count_error();
      co_await send(*refused);
      co_return;
    }
  }
  co_await send(220, "", parameters.smtpd_banner);
}

Task<> Session::start_tls() {
  std::optional<IoError> failed;
  conn.set_timeout(parameters.smtpd_starttls_timeout);
  if (server.tls_loglevel > 1) server.log.info("setting up TLS connection from {}", client.text());
  try {
    co_await conn.start_tls_server(server.tls);
  } catch (const IoError& error) {
    failed = error;
  }
  if (failed) {
    bool lost = failed->why == IoError::eof;
    std::string_view what = lost                              ? kLost
                            : failed->why == IoError::timeout ? "Connection timed out"
                                                              : "-1";
    server.log.write(Level::info, tls_failed_line(client, what));
    if (!failed->text.empty())
      server.log.warning("TLS library problem: {}", base::printable(failed->text));
    throw IoError{IoError::eof, failed->code, failed->text};
  }
  conn.set_timeout(parameters.smtpd_timeout);
  tls = net::tls_info(conn.tls());
  if (server.tls_loglevel > 0) server.log.write(Level::info, tls_established_line(client, *tls));
}

// --- replies

Task<> Session::send(Reply reply) {
  // A client that makes many errors is made to wait for each answer.
  if (errors_ >= parameters.smtpd_soft_error_limit &&
      parameters.smtpd_error_sleep_time.count() > 0) {
    co_await conn.flush();
    co_await server.loop.sleep(parameters.smtpd_error_sleep_time);
  }
  if (parameters.soft_bounce && reply.code >= 500) {
    reply.code -= 100;
    if (!reply.dsn.empty()) reply.dsn[0] = '4';
  }
  if (reply.text.size() > kReplyText && reply.text.find('\n') == reply.text.npos)
    reply.text.resize(kReplyText);
  conn.put(reply.wire());
  if (reply.code == 421 || reply.code == 521) hang_up_ = true;
}

// Not a coroutine: an aggregate must not be a temporary of a co_await expression (g++ 12).
Task<> Session::send(int code, std::string dsn, std::string text) {
  return send(Reply{code, std::move(dsn), std::move(text)});
}

// --- commands

Task<> Session::one_command() {
  auto& p = parameters;
  if (errors_ >= p.smtpd_hard_error_limit) {
    reason_ = "too many errors";
    co_await send(421, "4.7.0", p.myhostname + " Error: too many errors");
    co_return;
  }
  auto line = conn.try_line(static_cast<size_t>(p.line_length_limit));
  while (!line) {
    co_await conn.fill();
    line = conn.try_line(static_cast<size_t>(p.line_length_limit));
  }
  std::string text(base::trim_right(line->text.substr(0, line->text.find('\0'))));
  if (line->too_long) {
    server.log.write(Level::warning,
                     long_request_warning(client, static_cast<size_t>(p.line_length_limit), text));
  }
  if (line->bare_lf && refuse_bare_lf) {
    auto told = restriction_line(queue_id(), "reject", where, client, "bare <LF> received",
                                 transaction_text());
    server.log.write(Level::info, told);
    co_await send(p.smtpd_forbid_bare_newline_reject_code, "5.5.2",
                  p.myhostname + " Error: bare <LF> received");
    hang_up_ = true;
    co_return;
  }
  auto start = base::trim_left(text);
  auto verb = start.substr(0, start.find_first_of(base::kSpace));
  auto index = find_command(verb);
  bool answered = co_await refuse_line(text, verb, index);
  if (answered) co_return;
  co_await run_verb(*index, base::trim(start.substr(verb.size())));
}

Task<bool> Session::refuse_line(std::string_view text, std::string_view verb,
                                std::optional<size_t> index) {
  auto& p = parameters;
  if (p.smtputf8_enable && !base::is_utf8(text)) {
    count_error();
    co_await send(500, "5.5.2", "Error: bad UTF-8 syntax");
    co_return true;
  }
  if (verb.empty()) {
    count_error();
    co_await send(500, "5.5.2", "Error: bad syntax");
    co_return true;
  }
  auto noop = co_await server.noop_commands.match_string(verb);
  if (noop && *noop) {
    if (junk_++ > p.smtpd_junk_command_limit) count_error();
    co_await send(250, "2.0.0", "Ok");
    co_return true;
  }
  ++counts_[index.value_or(kUnknownIndex)].total;
  if (!index) {
    where = kUnknown;
    auto forbidden = co_await server.forbidden_commands.match_string(verb);
    if ((forbidden && *forbidden) || mail::header_name_length(verb) > 0) {
      server.log.write(Level::warning, non_smtp_warning(client, text));
      co_await send(221, "2.7.0", "Error: I can break rules, too. Goodbye.");
      hang_up_ = true;
      co_return true;
    }
  }
  bool quit = index && commands[*index].run == cmd_quit;
  if (access_denied_ && !quit) {
    // A greeting of 521 or 421 stands for all answers (RFC 7504).
    bool stands = access_denied_->code % 100 == 21;
    Reply reply{503, "5.7.0", "Error: access denied for " + client.text()};
    if (stands) reply = *access_denied_;
    count_error();
    co_await send(std::move(reply));
    co_return true;
  }
  if (!index) {
    count_error();
    co_await send(500, "5.5.2", "Error: command not recognized");
    co_return true;
  }
  if (server.tls_level == TlsLevel::encrypt && !tls && !(commands[*index].flags & kBeforeTls)) {
    count_error();
    co_await send(530, "5.7.0", "Must issue a STARTTLS command first");
    co_return true;
  }
  co_return false;
}

bool Session::refuse_pipelining(size_t index) {
  if (local_program_) return false;  // sendmail -bs: it may write all it has to say at once
  bool may_follow = is_esmtp() && !(commands[index].flags & kLastInGroup);
  if (may_follow || ill_pipelining || conn.buffered().empty()) return false;
  server.log.write(Level::info,
                   improper_pipelining_line(commands[index].name, client, conn.buffered()));
  ill_pipelining = true;
  return parameters.smtpd_forbid_unauth_pipelining;
}

Task<> Session::run_verb(size_t index, std::string_view arguments) {
  auto& command = commands[index];
  where = command.name;
  bytes_in_data.reset();
  if (refuse_pipelining(index)) {
    hang_up_ = true;
    co_await send(554, "5.5.0", "Error: SMTP protocol synchronization");
    co_return;
  }
  Answer answer = co_await command.run(*this, arguments);
  if (answer.reply) co_await send(std::move(*answer.reply));
  // XCLIENT starts the dialogue anew and is, as the incumbent counts, not completed.
  if (answer.failed)
    count_error();
  else if (!restart_)
    ++counts_[index].ok;
  if ((command.flags & kJunk) && junk_++ > parameters.smtpd_junk_command_limit) count_error();
}

}  // namespace dovetail::mta::smtpd
