// AUTH (RFC 4954): the dialogue between the client and the auth server behind smtpd_sasl_path.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "common/base/text.h"
#include "mta/anvil/anvil_client.h"
#include "mta/smtpd/commands.h"
#include "mta/smtpd/sasl.h"

namespace dovetail::mta::smtpd {

using base::format;

namespace {

Reply auth_failed(Session& s, std::string_view mechanism, std::string_view reason,
                  const std::string& user) {
  s.server.log.write(Level::warning, sasl_failed_warning(s.client, mechanism, reason, user));
  return {535, "5.7.8", "Error: authentication failed: " + base::printable(reason, true)};
}

Reply auth_unavailable(Session& s, std::string_view mechanism, std::string_view reason,
                       const std::string& user) {
  s.server.log.write(Level::warning, sasl_failed_warning(s.client, mechanism, reason, user));
  return {454, "4.7.0", "Temporary authentication failure: " + base::printable(reason, true)};
}

Task<std::optional<Reply>> over_auth_rate(Session& s) {
  int limit = s.parameters.smtpd_client_auth_rate_limit;
  if (limit <= 0 || !s.counts_events()) co_return std::nullopt;
  auto rate = co_await s.server.anvil->auth(s.server.service, s.real_client.address);
  if (!rate || *rate <= limit) co_return std::nullopt;
  s.server.log.write(Level::warning,
                     limit_warning("AUTH command rate", *rate, s.client, s.server.service));
  co_return Reply{450, "4.7.1", "Error: too many AUTH commands from " + s.client.address};
}

proto::AuthRequest auth_request(const Session& s, std::string_view mechanism) {
  proto::AuthRequest request;
  request.mechanism = mechanism;
  request.service = s.parameters.smtpd_sasl_service;
  request.nologin = true;
  request.secured = s.tls.has_value();
  request.local_ip = s.server_address;
  request.remote_ip = s.client.address;
  request.local_port = base::parse_number<uint16_t>(s.server_port).value_or(0);
  request.remote_port = base::parse_number<uint16_t>(s.client.port).value_or(0);
  return request;
}

bool is_base64(std::string_view text) {
  return text.empty() || text == "=" || base::unbase64(text).has_value();
}

// One answer of the client to a challenge; nullopt: there is a reply already (aborted, malformed).
struct ClientAnswer {
  std::optional<Secret> response;
  std::optional<Reply> reply;
};

Task<ClientAnswer> ask_client(Session& s, std::string mechanism, std::string challenge) {
  ClientAnswer answer;
  co_await s.send(334, "", challenge);
  auto limit = static_cast<size_t>(s.parameters.smtpd_sasl_response_limit);
  auto line = co_await s.conn.read_line(limit);
  if (line.too_long) {
    answer.reply = Reply{500, "5.5.6", "Authentication exchange line is too long"};  // RFC 4954 4
  } else if (line.text == "*") {
    s.server.log.write(Level::warning, sasl_aborted_warning(s.client, mechanism));
    answer.reply = Reply{501, "5.7.0", "Authentication aborted"};
  } else if (!is_base64(line.text)) {
    answer.reply = auth_failed(s, mechanism, "Invalid base64 data in continued response", "");
  } else {
    answer.response.emplace(line.text);
  }
  co_return answer;
}

Task<Answer> finish_auth(Session& s, std::string mechanism, proto::AuthReply outcome) {
  if (outcome.status == proto::AuthReply::ok) {
    s.sasl.method = base::upper(mechanism);
    s.sasl.username = outcome.user;
    s.sasl.sender.clear();
    co_return Reply{235, "2.7.0", "Authentication successful"};
  }
  if (outcome.status == proto::AuthReply::unavailable) {
    co_return auth_unavailable(s, mechanism, "Connection lost to authentication server",
                               outcome.user);
  }
  auto reason = outcome.reason();
  if (outcome.temporary()) {
    co_return auth_unavailable(s, mechanism, reason.empty() ? "(reason unavailable)" : reason,
                               outcome.user);
  }
  co_return auth_failed(s, mechanism, reason.empty() ? "(reason unavailable)" : reason,
                        outcome.user);
}

Task<Answer> authenticate(Session& s, std::string mechanism, std::optional<Secret> initial) {
  auto usable = co_await usable_mechanisms(s);
  if (!usable)
    co_return auth_unavailable(s, mechanism, "Connection lost to authentication server", "");
  auto same = [&](const std::string& name) { return base::iequals(name, mechanism); };
  if (std::none_of(usable->begin(), usable->end(), same)) {
    co_return auth_failed(s, mechanism, "Invalid authentication mechanism", "");
  }
  if (initial && !is_base64(initial->reveal())) {
    co_return auth_failed(s, mechanism, "Invalid base64 data in initial response", "");
  }
  proto::AuthExchange exchange(*s.server.auth);
  auto request = auth_request(s, mechanism);
  request.initial_response = std::move(initial);
  auto outcome = co_await exchange.start(std::move(request));
  while (outcome.status == proto::AuthReply::cont) {
    auto answer = co_await ask_client(s, mechanism, outcome.challenge);
    if (answer.reply) {
      exchange.cancel();
      co_return std::move(*answer.reply);
    }
    outcome = co_await exchange.answer(std::move(*answer.response));
  }
  co_return co_await finish_auth(s, mechanism, std::move(outcome));
}

}  // namespace

Task<Answer> cmd_auth(Session& s, std::string_view arguments) {
  if (s.parameters.smtpd_helo_required && !s.helo)
    co_return Reply{503, "5.5.1", "Error: send HELO/EHLO first"};
  if (!s.sasl_active() || s.discards(kEhloAuth))
    co_return Reply{503, "5.5.1", "Error: authentication not enabled"};
  if (s.in_transaction()) co_return Reply{503, "5.5.1", "Error: MAIL transaction in progress"};
  if (s.authenticated()) co_return Reply{503, "5.5.1", "Error: already authenticated"};
  auto words = base::words(arguments);
  if (words.empty() || words.size() > 2) co_return Reply{501, "5.5.4", "Syntax: AUTH mechanism"};
  auto limited = co_await over_auth_rate(s);
  if (limited) co_return *limited;
  std::optional<Secret> initial;
  if (words.size() == 2) initial.emplace(words[1]);
  co_return co_await authenticate(s, std::string(words[0]), std::move(initial));
}

}  // namespace dovetail::mta::smtpd
