// SPDX-License-Identifier: Apache-2.0
#include "mta/smtp/transaction.h"

#include "common/base/text.h"
#include "common/mail/address.h"

namespace dovetail::mta {

namespace {

using Kind = RecipientResult::Kind;

constexpr size_t kChunk = 65536;

std::string mail_command(const SmtpSession& session, const mail::Envelope& envelope, int64_t size) {
  auto out = format("MAIL FROM:<{}>", mail::quote_address(envelope.sender));
  if (session.has(kSize)) out += format(" SIZE={}", size);
  if (session.has(kEightBitMime) && envelope.encoding == mail::Encoding::eight_bit) out += " BODY=8BITMIME";
  if (session.has(kSmtpUtf8) && envelope.smtputf8) out += " SMTPUTF8";
  if (session.has(kDsn)) {
    if (!envelope.dsn_envid.empty()) out += " ENVID=" + mail::encode_xtext(envelope.dsn_envid);
    if (envelope.dsn_ret) out += envelope.dsn_ret == mail::kRetFull ? " RET=FULL" : " RET=HDRS";
  }
  return out + "\r\n";
}

std::string rcpt_command(const SmtpSession& session, const mail::Recipient& rcpt) {
  auto out = format("RCPT TO:<{}>", mail::quote_address(rcpt.address));
  if (session.has(kDsn)) {
    if (rcpt.dsn_notify) out += " NOTIFY=" + mail::format_notify(rcpt.dsn_notify);
    if (auto orcpt = mail::split_orcpt(rcpt.dsn_orcpt)) {
      out += format(" ORCPT={};{}", orcpt->first, mail::encode_xtext(orcpt->second));
    }
  }
  return out + "\r\n";
}

class Transaction {
 public:
  Transaction(SmtpSession& session, Delivery& delivery, const std::vector<size_t>& recipients, const SmtpParameters& parameters)
      : session_(session), delivery_(delivery), rcpts_(recipients), parameters_(parameters) {
    result_.recipients.resize(recipients.size());
  }

  Task<TransactionResult> run() {
    ++session_.uses;
    try {
      co_await converse();
    } catch (const IoError& io) {
      result_.session_usable = false;
      result_.broke_before_reply = !answered_;
      auto failure = session_.lost(io);
      delivery_.log().info("{}: {}", delivery_.request().queue_id, failure.dsn.text);
      for (auto& rcpt : result_.recipients) {
        if (rcpt.kind == Kind::unfinished) rcpt.failure = failure;
      }
    }
    co_return std::move(result_);
  }

 private:
  const mail::Recipient& rcpt(size_t i) const { return delivery_.recipients()[rcpts_[i]]; }

  void fail_unfinished(const Failure& failure) {
    for (auto& one : result_.recipients) {
      if (one.kind == Kind::unfinished) one = {Kind::refused, failure, {}};
    }
  }

  // What must be known before a byte is sent.
  std::optional<Failure> cannot_send() const {
    auto size = delivery_.request().message_size;
    if (session_.size_limit() > 0 && size > session_.size_limit()) {
      return Failure{{"5.3.4", format("message size {} exceeds size limit {} of server {}", size, session_.size_limit(), session_.target().session)}, "", false};
    }
    bool needs_utf8 = delivery_.request().envelope.smtputf8 & mail::kUtf8Requested;
    needs_utf8 = needs_utf8 && delivery_.request().envelope.smtputf8 != mail::kUtf8Requested;
    if (needs_utf8 && !session_.has(kSmtpUtf8)) {
      return Failure{{"5.6.7", format("SMTPUTF8 is required, but was not offered by host {}", session_.target().session)}, "", false};
    }
    return std::nullopt;
  }

  Task<> converse() {
    if (auto failure = cannot_send()) {
      fail_unfinished(*failure);
      result_.session_usable = true;
      co_return;
    }
    auto& conn = session_.conn();
    bool pipeline = session_.has(kPipelining);
    auto& envelope = delivery_.request().envelope;
    conn.put(mail_command(session_, envelope, delivery_.request().message_size));
    if (pipeline) {
      for (size_t i = 0; i < rcpts_.size(); ++i) {
        conn.put(rcpt_command(session_, rcpt(i)));
        co_await conn.flush_above(kChunk);
      }
      if (!delivery_.is_probe()) conn.put("DATA\r\n");
    }
    auto mail = co_await session_.reply(parameters_.mail_timeout, "sending MAIL FROM");
    answered_ = true;
    if (!mail.ok()) fail_unfinished(session_.said(mail, "MAIL FROM"));
    if (!mail.ok() && !pipeline) {
      result_.session_usable = true;
      co_return;
    }
    size_t accepted = co_await recipients(pipeline, mail.ok());
    // A probe ends before DATA: it must never deliver.
    if (delivery_.is_probe()) finish_probe();
    if (delivery_.is_probe() || (!pipeline && accepted == 0)) {
      auto reset = co_await session_.command("RSET", parameters_.rcpt_timeout, "sending RSET");
      result_.session_usable = reset.ok();
      co_return;
    }
    co_await data(pipeline, accepted);
  }

  Task<size_t> recipients(bool pipeline, bool mail_ok) {
    size_t accepted = 0;
    for (size_t i = 0; i < rcpts_.size(); ++i) {
      if (!pipeline) session_.conn().put(rcpt_command(session_, rcpt(i)));
      auto reply = co_await session_.reply(parameters_.rcpt_timeout, "sending RCPT TO");
      if (!mail_ok) continue;
      if (!reply.ok()) result_.recipients[i] = {Kind::refused, session_.said(reply, "RCPT TO"), {}};
      else ++accepted;
      if (reply.ok()) accepted_replies_.push_back(reply);
    }
    co_return accepted;
  }

  Task<> data(bool pipeline, size_t accepted) {
    if (!pipeline) session_.conn().put("DATA\r\n");
    auto go = co_await session_.reply(parameters_.data_init_timeout, "sending DATA command");
    if (go.code != 354) {
      fail_unfinished(session_.said(go, "DATA"));
      if (go.code == 421) co_return;
      // The server's transaction is open still: the next MAIL on this session would be refused for good.
      auto reset = co_await session_.command("RSET", parameters_.rcpt_timeout, "sending RSET");
      result_.session_usable = reset.ok();
      co_return;
    }
    if (accepted == 0) {
      // Nobody is left to get it, but the server waits for data: an empty message, whose fate is nobody's.
      auto empty = co_await session_.command(".", parameters_.data_done_timeout, "sending end of data");
      result_.session_usable = empty.code > 0;
      co_return;
    }
    co_await content();
    co_await final_replies(accepted);
  }

  void finish_probe() {
    size_t next = 0;
    for (auto& one : result_.recipients) {
      if (one.kind == Kind::unfinished) one = {Kind::sent, {}, accepted_replies_[next++]};
    }
  }

  Task<> content() {
    auto& conn = session_.conn();
    conn.set_timeout(parameters_.data_xfer_timeout);
    ContentReader reader(delivery_.fd(), delivery_.size(), ContentReader::LineEnd::crlf);
    DotWriter dots(static_cast<size_t>(std::max(parameters_.line_length_limit, 0)));
    std::string text, out;
    bool here = reader.is_here();
    for (;;) {
      text.clear();
      auto job = [&] { return reader.read(text, kChunk); };
      Result<bool> more = false;
      if (here) more = job();
      else more = co_await delivery_.disk().run(job);
      // A queue file that cannot be read must not become a shorter message: the connection ends without the dot.
      if (!more) throw IoError{IoError::error, EIO, more.error().text};
      out.clear();
      dots.write(text, out);
      conn.put(out);
      if (!*more) break;
      // The end of a short message is known only by the next reading: it goes in one piece with its dot.
      co_await conn.flush_above(kChunk / 2);
    }
    if (dots.broke_lines()) {
      delivery_.log().info("{}: breaking line > {} bytes with <CR><LF>SPACE", delivery_.request().queue_id, parameters_.line_length_limit);
    }
    conn.put(".\r\n");
  }

  Task<> final_replies(size_t accepted) {
    constexpr std::string_view state = "sending end of data -- message may be sent more than once";
    result_.after_dot = true;
    ServerReply reply;
    bool per_recipient = parameters_.lmtp;
    size_t read = 0;
    for (auto& one : result_.recipients) {
      if (one.kind != Kind::unfinished) continue;
      if (read == 0 || per_recipient) reply = co_await session_.reply(parameters_.data_done_timeout, state);
      ++read;
      if (reply.ok()) one = {Kind::sent, {}, reply};
      else one = {Kind::refused, session_.said(reply, "end of DATA"), {}};
    }
    result_.session_usable = read == accepted && reply.code != 421;
  }

  SmtpSession& session_;
  Delivery& delivery_;
  const std::vector<size_t>& rcpts_;
  const SmtpParameters& parameters_;
  TransactionResult result_;
  std::vector<ServerReply> accepted_replies_;
  bool answered_ = false;
};

}  // namespace

void DotWriter::write(std::string_view text, std::string& out) {
  while (!text.empty()) {
    auto end = text.find('\n');
    auto line = text.substr(0, end == text.npos ? text.size() : end + 1);
    text.remove_prefix(line.size());
    if (column_ == 0 && line.starts_with(".")) out += '.';
    bool ends = line.ends_with("\n");
    size_t length = line.size() - (line.ends_with("\r\n") ? 2 : ends ? 1 : 0);
    // RFC 5321 4.5.3.1.6: what comes after a break must not become a header or a dot of its own, hence the blank.
    while (limit_ > 1 && column_ + length > limit_) {
      size_t fits = limit_ - column_;
      out += line.substr(0, fits);
      out += "\r\n ";
      line.remove_prefix(fits);
      length -= fits;
      column_ = 1;
      broke_ = true;
    }
    out += line;
    column_ = ends ? 0 : column_ + length;
  }
}

Task<TransactionResult> send_message(SmtpSession& session, Delivery& delivery, const std::vector<size_t>& recipients,
                                     const SmtpParameters& parameters) {
  Transaction transaction(session, delivery, recipients, parameters);
  auto result = co_await transaction.run();
  co_return result;
}

}  // namespace dovetail::mta
