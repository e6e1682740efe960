// RCPT TO: one more recipient (RFC 5321 4.1.1.3). The first accepted one opens the queue file and gives the transaction
// its queue id.
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "mta/anvil/anvil_client.h"
#include "mta/smtpd/checks.h"
#include "mta/smtpd/commands.h"
#include "mta/smtpd/names.h"

namespace dovetail::mta::smtpd {

using base::format;

namespace {

Task<std::optional<Reply>> over_recipient_rate(Session& s) {
  int limit = s.parameters.smtpd_client_recipient_rate_limit;
  if (limit <= 0 || !s.counts_events()) co_return std::nullopt;
  auto rate = co_await s.server.anvil->recipient(s.server.service, s.real_client.address);
  if (!rate || *rate <= limit) co_return std::nullopt;
  s.server.log.write(Level::warning,
                     limit_warning("Recipient address rate", *rate, s.client, s.server.service));
  co_return Reply{450, "4.7.1", "Error: too many recipients from " + s.client.address};
}

mail::ClientInfo client_info(const Session& s, const Client& client, std::string_view helo,
                             std::string_view protocol) {
  mail::ClientInfo info;
  info.name = client.name;
  info.reverse_name = client.reverse_name;
  info.address = client.address;
  info.port = client.port.empty() ? "unknown" : client.port;
  info.address_family = client.family;
  info.helo = helo;
  info.protocol = protocol;
  info.server_address = s.server_address;
  info.server_port = s.server_port;
  return info;
}

void fill_envelope(const Session& s, mail::Envelope& envelope, bool rewrite_local) {
  auto& t = *s.mail;
  envelope.sender = t.sender;
  envelope.arrival = base::wall_now();
  envelope.encoding = t.options.encoding;
  if (t.options.smtputf8) envelope.smtputf8 |= mail::kUtf8Requested;
  envelope.dsn_ret = t.options.ret;
  envelope.dsn_envid = t.options.envid;
  envelope.rewrite_local = rewrite_local;
  envelope.client = client_info(s, s.client, s.helo.value_or(""), s.protocol);
  envelope.log_client = envelope.client;
  auto& f = s.forwarded;
  if (f.given)
    envelope.log_client =
        client_info(s, f.client, f.helo, f.protocol.empty() ? s.protocol : f.protocol);
  envelope.log_origin = format("{}[{}]", envelope.log_client.name, envelope.log_client.address);
  envelope.log_ident = f.ident;
  envelope.sasl_method = s.sasl.method;
  envelope.sasl_username = s.sasl.username;
  envelope.sasl_sender = s.sasl.sender;
  envelope.filter = s.parameters.content_filter;
}

// An error is already in the log.
Task<std::optional<Reply>> open_message(Session& s) {
  auto& t = *s.mail;
  unsigned flags = s.server.cleanup_flags;
  if (t.options.smtputf8) flags |= kCleanupSmtpUtf8;
  bool rewrite_local = co_await is_local_rewrite_client(s);
  auto message = s.server.store->start(flags);
  fill_envelope(s, message->envelope(), rewrite_local);
  auto opened = co_await message->open();
  if (!opened) {
    s.server.log.warning("{}", opened.error().text);
    co_return Reply{451, "4.3.0", "Error: queue file write error"};
  }
  t.message = std::move(message);
  OrigText orig;
  if (s.forwarded.given) {
    orig.queue_id = s.forwarded.ident;
    orig.client = s.forwarded.client.text();
  }
  s.server.log.write(Level::info, client_line(t.message->queue_id(), s.client, s.sasl, orig));
  co_return std::nullopt;
}

mail::Recipient make_recipient(std::string address, RcptOptions options) {
  mail::Recipient recipient;
  recipient.orig_rcpt = address;
  recipient.address = std::move(address);
  recipient.dsn_notify = options.notify;
  recipient.dsn_orcpt = std::move(options.orcpt);
  return recipient;
}

}  // namespace

Task<Answer> cmd_rcpt(Session& s, std::string_view arguments) {
  auto& p = s.parameters;
  if (!s.in_transaction()) co_return Reply{503, "5.5.1", "Error: need MAIL command"};
  auto& t = *s.mail;
  if (t.content_begun) co_return Reply{503, "5.5.1", "Error: RCPT after BDAT"};
  if (!base::istarts_with(arguments, "TO:") || base::trim(arguments.substr(3)).empty()) {
    co_return Reply{501, "5.5.4", "Syntax: RCPT TO:<address>"};
  }
  auto rest = base::trim(arguments.substr(3));
  auto limited = co_await over_recipient_rate(s);
  if (limited) co_return *limited;
  auto path = parse_smtp_path(rest, p.strict_rfc821_envelopes, Empty::refused);
  if (!path) {
    if (rest.front() != '<' || rest.find('>') != rest.npos) {
      s.server.log.write(Level::warning, illegal_address_warning(s.client, "RCPT", rest));
    }
    co_return Reply{501, "5.1.3", "Bad recipient address syntax"};
  }
  RcptOptions options;
  EsmtpRules rules{!s.discards(kEhloDsn), p.smtputf8_enable};
  auto bad = parse_rcpt_options(rest.substr(path->length), rules, options);
  if (bad) co_return *bad;
  if (p.strict_smtputf8 && !t.options.smtputf8 && !base::is_ascii(path->address)) {
    co_return Reply{553, "5.6.7", "Must declare SMTPUTF8 to send unicode address"};
  }
  if (t.recipients >= p.smtpd_recipient_limit) {
    Answer answer = Reply{452, "4.5.3", "Error: too many recipients"};
    if (t.overshoot++ < p.smtpd_recipient_overshoot_limit) answer.forgive();
    co_return answer;
  }
  auto refused = co_await check_rcpt(s, path->address);
  if (refused) co_return *refused;
  if (!t.message) {
    refused = co_await open_message(s);
    if (refused) co_return *refused;
  }
  if (++t.recipients == 1) t.first_recipient = path->address;
  t.message->add_recipient(make_recipient(std::move(path->address), std::move(options)));
  co_return Reply{250, "2.1.5", "Ok"};
}

}  // namespace dovetail::mta::smtpd
