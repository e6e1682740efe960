// SPDX-License-Identifier: Apache-2.0
#include "mta/smtp/session.h"

#include <algorithm>

#include "common/base/text.h"

namespace dovetail::mta {

namespace {

constexpr size_t kReplyLine = 4096;      // RFC 5321 4.5.3.1.5 says 512; some servers are more talkative
constexpr size_t kReplyText = 16384;

struct FeatureWord {
  std::string_view word;
  unsigned feature;
};
constexpr FeatureWord kFeatureWords[] = {
    {"PIPELINING", kPipelining}, {"SIZE", kSize},   {"8BITMIME", kEightBitMime}, {"DSN", kDsn},
    {"STARTTLS", kStartTls},     {"AUTH", kAuth},   {"SMTPUTF8", kSmtpUtf8},
};

bool listed(std::string_view list, std::string_view word) {
  for (auto item : base::words(list, " ,\t\r\n")) {
    if (base::iequals(item, word)) return true;
  }
  return false;
}

// "Untrusted TLS connection established to NAME[ADDR]:PORT: TLSv1.3 with cipher ...", as the incumbent writes it.
std::string tls_words(const net::TlsInfo& info) {
  auto out = format("{} with cipher {} ({}/{} bits)", info.protocol, info.cipher, info.cipher_bits, info.algorithm_bits);
  if (!info.key_exchange.empty()) out += format(" key-exchange {}", info.key_exchange);
  if (!info.server_signature.empty()) {
    out += format(" server-signature {} ({} bits)", info.server_signature, info.server_signature_bits);
  }
  if (!info.server_digest.empty()) out += format(" server-digest {}", info.server_digest);
  return out;
}

}  // namespace

std::optional<ServerReply> ReplyReader::add(std::string_view line) {
  if (reply_.text.size() < kReplyText) {
    if (!reply_.text.empty()) reply_.text += ' ';
    reply_.text += base::printable(line, true);
  }
  auto code = base::parse_number<int>(line.substr(0, 3));
  bool numeric = code && *code >= 200 && *code <= 599 && (line.size() == 3 || line[3] == ' ' || line[3] == '-');
  // The incumbent goes on reading after garbage until a line that ends a reply comes.
  if (!numeric) {
    if (reply_.code == 0) reply_.code = -1;
    return std::nullopt;
  }
  if (line.size() > 3 && line[3] == '-') return std::nullopt;
  bool garbage = reply_.code == -1;
  reply_.code = garbage ? 550 : *code;
  auto rest = line.size() > 4 ? line.substr(4) : std::string_view();
  auto length = mail::dsn_length(rest);
  reply_.dsn = garbage ? "5.5.0" : length ? std::string(rest.substr(0, length)) : format("{}.0.0", *code / 100);
  // A class that contradicts the code would bounce what is temporary.
  if (!garbage && *code / 100 != 3) reply_.dsn[0] = static_cast<char>('0' + *code / 100);
  return std::exchange(reply_, {});
}

SmtpSession::SmtpSession(net::Loop& loop, base::Fd fd, Target target, const SmtpParameters& parameters, Logger log)
    : conn_(loop, std::move(fd)), target_(std::move(target)), parameters_(parameters), log_(std::move(log)) {
  connected = base::wall_now();
}

Task<ServerReply> SmtpSession::reply(conf::Seconds time, std::string_view state) {
  state_ = state;
  conn_.set_timeout(time);
  ReplyReader reader;
  for (;;) {
    auto line = co_await conn_.read_line(kReplyLine);
    auto whole = reader.add(line.text);
    if (whole) co_return *whole;
  }
}

Task<ServerReply> SmtpSession::command(std::string text, conf::Seconds time, std::string_view state) {
  state_ = state;
  conn_.put(text);
  conn_.put("\r\n");
  auto answer = co_await reply(time, state);
  co_return answer;
}

Failure SmtpSession::lost(const IoError& io) const {
  auto words = io.why == IoError::timeout ? format("conversation with {} timed out while {}", target_.session, state_)
                                          : format("lost connection with {} while {}", target_.session, state_);
  return {{"4.4.2", words}, "", false};
}

Failure SmtpSession::said(const ServerReply& reply, std::string_view command) const {
  return {{reply.dsn, format("host {} said: {} (in reply to {} command)", target_.session, reply.text, command)}, reply.text, false};
}

Task<std::optional<Failure>> SmtpSession::open(std::shared_ptr<const TlsPolicy> policy, bool plain_only,
                                               std::optional<SaslCredentials> credentials) {
  policy_ = policy ? std::move(policy) : std::make_shared<const TlsPolicy>();
  try {
    if (parameters_.tls_wrappermode) {
      auto failed = co_await start_tls();
      if (failed) co_return failed;
    }
    auto greeting = co_await reply(parameters_.helo_timeout, "receiving the initial server greeting");
    if (greeting.code / 100 != 2) {
      // Refusals at the door say something about this host, not about the mail: the next host may take it.
      bool soft = greeting.code / 100 != 5 || parameters_.skip_5xx_greeting;
      auto status = soft ? mail::with_dsn_class(greeting.dsn, '4') : greeting.dsn;
      co_return Failure{{status, format("host {} refused to talk to me: {}", target_.session, greeting.text)}, greeting.text, false};
    }
    auto words = base::words(greeting.text);
    if (words.size() > 1 && base::iequals(words[1], parameters_.myhostname) && !target_.address.is_unix()) {
      co_return Failure{{"5.4.6", format("mail for {} loops back to myself", target_.name)}, "", false};
    }
    auto failed = co_await hello();
    if (failed) co_return failed;
    bool wanted = policy_->level != TlsLevel::none && !plain_only && !conn_.is_tls();
    // Nobody listens between the two ends of a local socket, unless the administrator thinks so.
    if (target_.address.is_unix() && !policy_->mandatory()) wanted = false;
    bool required = wanted && policy_->mandatory();
    if (wanted && has(kStartTls)) {
      failed = co_await start_tls();
      if (!failed) failed = co_await hello();
      if (failed) co_return failed;
    } else if (required) {
      co_return Failure{{"4.7.4", format("TLS is required, but was not offered by host {}", target_.session)}, "", false};
    }
    if (credentials && has(kAuth)) {
      failed = co_await authenticate(std::move(*credentials));
      if (failed) co_return failed;
    }
  } catch (const IoError& io) {
    co_return lost(io);
  }
  co_return std::nullopt;
}

void SmtpSession::read_features(const std::string& text) {
  features_ = 0;
  size_limit_ = 0;
  mechanisms_.clear();
  // One line of the joined text begins with "250-" or "250 ".
  for (size_t at = text.find("250"); at != text.npos; at = text.find(" 250", at + 1)) {
    auto line = std::string_view(text).substr(text[at] == ' ' ? at + 1 : at);
    line = line.substr(std::min<size_t>(4, line.size()));
    line = line.substr(0, std::min(line.find(" 250-"), line.find(" 250 ")));
    auto words = base::words(line, " =\t");
    if (words.empty() || listed(parameters_.discard_ehlo_keywords, words[0])) continue;
    for (auto& row : kFeatureWords) {
      if (base::iequals(row.word, words[0])) features_ |= row.feature;
    }
    if (base::iequals(words[0], "SIZE") && words.size() > 1) size_limit_ = base::parse_number<int64_t>(words[1]).value_or(0);
    if (base::iequals(words[0], "AUTH")) {
      for (size_t i = 1; i < words.size(); ++i) mechanisms_ += std::string(words[i]) + " ";
    }
  }
}

Task<std::optional<Failure>> SmtpSession::hello() {
  std::string_view state = parameters_.lmtp ? "performing the LHLO handshake" : "performing the EHLO handshake";
  auto verb = parameters_.lmtp ? "LHLO" : "EHLO";
  auto answer = co_await command(format("{} {}", verb, parameters_.helo_name), parameters_.helo_timeout, state);
  if (!answer.ok() && !parameters_.lmtp && answer.code / 100 == 5) {
    features_ = 0;
    answer = co_await command(format("HELO {}", parameters_.helo_name), parameters_.helo_timeout, "performing the HELO handshake");
    if (answer.ok()) co_return std::nullopt;
    verb = "HELO";
  }
  if (!answer.ok()) {
    auto failure = said(answer, verb);
    failure.dsn.text = format("host {} refused to talk to me: {}", target_.session, answer.text);
    co_return failure;
  }
  read_features(answer.text);
  co_return std::nullopt;
}

std::optional<Failure> SmtpSession::check_certificate() {
  auto info = net::tls_info(conn_.tls());
  auto trust = judge_certificate(conn_.tls(), *policy_, target_.name);
  verified_ = trust == TlsTrust::verified;
  if (parameters_.tls_loglevel != "0" && !parameters_.tls_loglevel.empty()) {
    log_.info("{} TLS connection established to {}: {}", trust_word(trust), target_.shown, tls_words(info));
  }
  if (!policy_->looks_at_certificate() || verified_) return std::nullopt;
  bool named_wrong = trust == TlsTrust::trusted || policy_->level == TlsLevel::fingerprint;
  return Failure{{"4.7.5", named_wrong ? "Server certificate not verified" : "Server certificate not trusted"}, "", false};
}

Task<std::optional<Failure>> SmtpSession::start_tls() {
  bool optional = !policy_->mandatory();
  auto tls = policy_->context;
  if (!tls) {
    co_return Failure{{"4.7.5", "TLS is required, but our TLS engine is unavailable"}, "", optional};
  }
  if (!parameters_.tls_wrappermode) {
    auto answer = co_await command("STARTTLS", parameters_.starttls_timeout, "performing the EHLO handshake");
    if (!answer.ok() && optional) co_return std::nullopt;
    if (!answer.ok()) {
      co_return Failure{{"4.7.0", format("TLS is required, but host {} refused to start TLS: {}", target_.session, answer.text)},
                        answer.text, false};
    }
  }
  conn_.set_timeout(parameters_.starttls_timeout);
  std::string problem;
  try {
    auto& wish = policy_->servername;
    auto server_name = wish == "hostname" ? target_.name : wish == "nexthop" ? policy_->nexthop : wish;
    co_await conn_.start_tls_client(tls, server_name);
  } catch (const IoError& io) {
    problem = io.message();
  }
  if (!problem.empty()) {
    log_.info("SSL_connect error to {}: {}", target_.shown, problem);
    co_return Failure{{"4.7.5", "Cannot start TLS: handshake failure"}, "", optional};
  }
  co_return check_certificate();
}

// RFC 4954. Only the two mechanisms that send the password: those with a challenge are a later release's.
Task<std::optional<Failure>> SmtpSession::authenticate(SaslCredentials credentials) {
  auto& options = verified_         ? parameters_.sasl_tls_verified_security_options
                  : conn_.is_tls() ? parameters_.sasl_tls_security_options
                                   : parameters_.sasl_security_options;
  bool plaintext_allowed = !listed(options, "noplaintext");
  auto usable = [&](std::string_view mech) {
    bool filtered = !parameters_.sasl_mechanism_filter.empty() && !listed(parameters_.sasl_mechanism_filter, mech);
    return plaintext_allowed && !filtered && listed(mechanisms_, mech);
  };
  ServerReply answer;
  std::string_view state = "performing the AUTH handshake";
  auto password = std::string(credentials.password.reveal());
  if (usable("PLAIN")) {
    auto secret = base::base64(std::string(1, '\0') + credentials.user + std::string(1, '\0') + password);
    answer = co_await command("AUTH PLAIN " + secret, parameters_.mail_timeout, state);
    base::wipe(secret);
  } else if (usable("LOGIN")) {
    answer = co_await command("AUTH LOGIN", parameters_.mail_timeout, state);
    if (answer.code == 334) answer = co_await command(base::base64(credentials.user), parameters_.mail_timeout, state);
    if (answer.code == 334) answer = co_await command(base::base64(password), parameters_.mail_timeout, state);
  } else {
    base::wipe(password);
    co_return Failure{{"4.7.0", format("SASL authentication failed; cannot authenticate to server {}: no mechanism available", target_.session)}, "", false};
  }
  base::wipe(password);
  if (answer.ok()) co_return std::nullopt;
  bool soft = answer.code / 100 == 4 || parameters_.sasl_auth_soft_bounce;
  auto status = soft ? mail::with_dsn_class(answer.dsn, '4') : answer.dsn;
  co_return Failure{{status, format("SASL authentication failed; server {} said: {}", target_.session, answer.text)}, answer.text, false};
}

Task<> SmtpSession::quit() {
  try {
    conn_.set_timeout(parameters_.quit_timeout);
    conn_.put("QUIT\r\n");
    co_await conn_.flush();
    if (!parameters_.skip_quit_response) co_await reply(parameters_.quit_timeout, "sending QUIT");
  } catch (const IoError&) {
    // It is over in either way.
  }
}

}  // namespace dovetail::mta
