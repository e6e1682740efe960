// SPDX-License-Identifier: Apache-2.0
#include "mta/smtpd/content.h"

#include "common/base/text.h"
#include "mta/smtpd/checks.h"
#include "mta/smtpd/received.h"

namespace dovetail::mta::smtpd {

using base::format;

namespace {

std::string received_for(const Session& s) {
  auto& p = s.parameters;
  ReceivedParts parts{.client = s.client};
  parts.helo = s.helo.value_or("");
  parts.myhostname = p.myhostname;
  parts.mail_name = p.mail_name;
  parts.queue_id = s.queue_id();
  parts.esmtp = s.is_esmtp();
  parts.smtputf8 = s.mail->options.smtputf8;
  parts.authenticated = s.authenticated();
  parts.over_tls = s.tls.has_value();
  if (s.tls && p.smtpd_tls_received_header) parts.tls = &*s.tls;
  parts.asked_certificate = p.smtpd_tls_ask_ccert || p.smtpd_tls_req_ccert;
  if (p.smtpd_sasl_authenticated_header) {
    parts.sasl_username = s.sasl.username;
    parts.sasl_sender = s.sasl.sender;
  }
  if (s.mail->recipients == 1) parts.recipient = s.mail->first_recipient;
  parts.seconds = base::wall_now().seconds;
  return received_header(parts);
}

// What stands in the envelope and cannot be changed behind it.
std::string envelope_decisions(const Transaction& t) {
  return t.filter + "\n" + t.redirect + "\n" + base::join(t.bcc, "\n");
}

// What access tables decided goes along with the message.
void hand_over_decisions(Session& s) {
  auto& t = *s.mail;
  auto& message = *t.message;
  if (t.hold) message.add_flags(kCleanupHold);
  if (t.discard) message.add_flags(kCleanupDiscard);
  if (!t.filter.empty()) message.envelope().filter = t.filter;
  if (!t.redirect.empty()) message.envelope().redirect = t.redirect;
  for (auto& address : t.bcc) message.add_bcc(address);
  t.handed_over = envelope_decisions(t);
}

// A first line as mailbox files have it is no header and would end the header block.
std::string_view after_from_line(std::string_view text) {
  auto start = text.find_first_not_of('>');
  return start != text.npos && text.substr(start, 5) == "From " ? text : std::string_view();
}

void note_size(Session& s, const DataPiece& piece) {
  auto& t = *s.mail;
  t.octets += piece.octets;
  s.bytes_in_data = t.octets;
  auto limit = s.parameters.message_size_limit;
  if (t.too_big || limit <= 0 || t.octets <= static_cast<uint64_t>(limit)) return;
  t.too_big = true;
  s.server.log.warning("{}: queue file size limit exceeded", s.queue_id());
}

Reply queued_reply(const CleanupResult& result, std::optional<uint64_t> octets) {
  if (octets && result.ok())
    return {250, "2.0.0", format("Ok: {} bytes queued as {}", *octets, result.queue_id)};
  return result.smtp_reply();
}

}  // namespace

Task<std::optional<Reply>> content_may_begin(Session& s) {
  if (!s.in_transaction()) co_return Reply{503, "5.5.1", "Error: need RCPT command"};
  if (s.mail->recipients == 0) co_return Reply{554, "5.5.1", "Error: no valid recipients"};
  co_return co_await check_data(s);
}

Task<> begin_content(Session& s) {
  auto& t = *s.mail;
  hand_over_decisions(s);
  co_await t.message->end_envelope();
  for (auto& header : t.prepend) t.message->put_own_header(header);
  t.message->put_own_header(received_for(s));
  t.content_begun = true;
}

bool take_content(Session& s, const DataPiece& piece) {
  auto& t = *s.mail;
  note_size(s, piece);
  if (t.too_big) return false;
  bool first = std::exchange(t.first_line, false);
  if (first && !after_from_line(piece.text).empty()) {
    return t.message->put_line("X-Mailbox-Line: " + std::string(piece.text), piece.complete);
  }
  // A message that begins with white space has no header; it must not go on our Received: line.
  if (first && !piece.text.empty() && (piece.text.front() == ' ' || piece.text.front() == '\t')) {
    bool wait = t.message->put_line("", true);
    return t.message->put_line(piece.text, piece.complete) || wait;
  }
  return t.message->put_line(piece.text, piece.complete);
}

Task<> settle_content(Session& s) {
  co_await s.mail->message->settle();
}

Task<Answer> end_content(Session& s, std::optional<uint64_t> octets) {
  auto& t = *s.mail;
  s.where = "END-OF-MESSAGE";
  s.bytes_in_data.reset();
  if (t.bare_lf) {
    auto line = restriction_line(s.queue_id(), "reject", "END-OF-MESSAGE", s.client,
                                 "bare <LF> received", s.transaction_text());
    s.server.log.write(Level::info, line);
    s.end_transaction();
    co_return Reply{s.parameters.smtpd_forbid_bare_newline_reject_code, "5.5.2",
                    s.parameters.myhostname + " Error: bare <LF> received"};
  }
  if (t.too_big) {
    s.end_transaction();
    co_return Reply{552, "5.3.4", "Error: message file too big"};
  }
  auto refused = co_await check_end_of_data(s);
  if (refused) {
    s.end_transaction();
    co_return *refused;
  }
  if (envelope_decisions(t) != t.handed_over) {
    s.server.log.warning(
        "FILTER, REDIRECT and BCC in smtpd_end_of_data_restrictions are not supported yet");
    s.end_transaction();
    co_return Reply{451, "4.3.5", "Server configuration error"};
  }
  if (t.hold) t.message->add_flags(kCleanupHold);
  if (t.discard) t.message->add_flags(kCleanupDiscard);
  auto result = co_await t.message->finish();
  if (result.ok()) s.forgive_errors();
  s.end_transaction();
  co_return queued_reply(result, octets);
}

}  // namespace dovetail::mta::smtpd
