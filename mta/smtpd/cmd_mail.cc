// MAIL FROM: begins a transaction (RFC 5321 4.1.1.2, RFC 1870, 3461, 4954, 6531).
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "mta/anvil/anvil_client.h"
#include "mta/smtpd/checks.h"
#include "mta/smtpd/commands.h"
#include "mta/smtpd/milter_gate.h"
#include "mta/smtpd/names.h"

namespace dovetail::mta::smtpd {

using base::format;

namespace {

Task<std::optional<Reply>> over_message_rate(Session& s) {
  int limit = s.parameters.smtpd_client_message_rate_limit;
  if (limit <= 0 || !s.counts_events()) co_return std::nullopt;
  auto rate = co_await s.server.anvil->message(s.server.service, s.real_client.address);
  if (!rate || *rate <= limit) co_return std::nullopt;
  s.server.log.write(Level::warning, limit_warning("Message delivery request rate", *rate, s.client,
                                                   s.server.service));
  co_return Reply{450, "4.7.1", "Error: too much mail from " + s.client.address};
}

// RFC 4954 5: who submitted the message first, as far as an authenticated client may say so.
std::optional<Reply> take_auth_option(Session& s, const MailOptions& options) {
  if (!options.auth) return std::nullopt;
  if (!s.sasl_active()) return Reply{503, "5.5.4", "Error: authentication disabled"};
  if (!s.authenticated()) return Reply{503, "5.5.4", "Error: send AUTH command first"};
  if (*options.auth != "<>") s.sasl.sender = *options.auth;
  return std::nullopt;
}

Reply refuse_mail(Session& s, const std::string& sender, Reply reply) {
  s.check.sender = sender;
  auto line = restriction_line("", "reject", "MAIL", s.client, reply.line(), s.transaction_text());
  s.check.sender.reset();
  s.server.log.write(Level::info, line);
  return reply;
}

std::optional<Reply> no_room(Session& s, const std::string& sender, uint64_t size) {
  auto limit = s.parameters.message_size_limit;
  if (limit > 0 && size > static_cast<uint64_t>(limit)) {
    return refuse_mail(s, sender, Reply{552, "5.3.4", "Message size exceeds fixed limit"});
  }
  auto space = s.server.store->has_space();
  if (space && *space) return std::nullopt;
  auto refused = refuse_mail(s, sender, Reply{452, "4.3.1", "Insufficient system storage"});
  if (!space) s.server.log.warning("{}", space.error().text);
  return refused;
}

// Settings that would filter or route this mail and that nobody here obeys yet.
std::optional<Reply> unsupported_setting(Session& s, const std::string& sender) {
  if (s.server.deferring.empty()) return std::nullopt;
  s.server.log.warning("{} is not supported yet, mail is deferred", s.server.deferring.front());
  return refuse_mail(s, sender, Reply{451, "4.3.5", "Server configuration error"});
}

}  // namespace

Task<Answer> cmd_mail(Session& s, std::string_view arguments) {
  auto& p = s.parameters;
  if (p.smtpd_helo_required && !s.helo)
    co_return Reply{503, "5.5.1", "Error: send HELO/EHLO first"};
  if (s.in_transaction()) co_return Reply{503, "5.5.1", "Error: nested MAIL command"};
  if (!base::istarts_with(arguments, "FROM:") || base::trim(arguments.substr(5)).empty()) {
    co_return Reply{501, "5.5.4", "Syntax: MAIL FROM:<address>"};
  }
  auto rest = base::trim(arguments.substr(5));
  auto limited = co_await over_message_rate(s);
  if (limited) co_return *limited;
  auto path = parse_smtp_path(rest, p.strict_rfc821_envelopes, Empty::allowed);
  if (!path) {
    if (rest.front() != '<' || rest.find('>') != rest.npos) {
      s.server.log.write(Level::warning, illegal_address_warning(s.client, "MAIL", rest));
    }
    co_return Reply{501, "5.1.7", "Bad sender address syntax"};
  }
  MailOptions options;
  EsmtpRules rules{!s.discards(kEhloDsn), p.smtputf8_enable};
  auto bad = parse_mail_options(rest.substr(path->length), rules, options);
  if (!bad) bad = take_auth_option(s, options);
  if (bad) co_return *bad;
  if (p.strict_smtputf8 && !options.smtputf8 && !base::is_ascii(path->address)) {
    co_return Reply{553, "5.6.7", "Must declare SMTPUTF8 to send unicode address"};
  }
  if (!p.smtpd_delay_reject) {
    auto refused = co_await check_mail(s, path->address);
    if (refused) co_return *refused;
  }
  auto refused = no_room(s, path->address, options.size);
  if (!refused) refused = unsupported_setting(s, path->address);
  if (refused) co_return *refused;
  refused = co_await milters_stand_in_the_way(s, path->address);
  if (refused) co_return *refused;
  s.mail.emplace();
  s.mail->sender = std::move(path->address);
  s.mail->options = std::move(options);
  co_return Reply{250, "2.1.0", "Ok"};
}

}  // namespace dovetail::mta::smtpd
