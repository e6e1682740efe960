// SPDX-License-Identifier: Apache-2.0
#include "mta/bounce/notice.h"

#include "common/base/text.h"
#include "common/mail/date.h"
#include "common/mail/dsn.h"

namespace dovetail::mta {

namespace {

using Kind = BounceRequest::Kind;

constexpr size_t kColumns = 79, kIndent = 4;

std::string address_type(const std::string& address, bool utf8) {
  return utf8 && !base::is_ascii(address) ? "utf-8" : "rfc822";
}

std::string recipient_words(const BounceEntry& entry) {
  std::string line = format("<{}>", entry.recipient);
  if (!entry.original_recipient.empty() && entry.original_recipient != entry.recipient) {
    line += format(" (expanded from <{}>)", entry.original_recipient);
  }
  return wrap_text(line + ": " + entry.reason);
}

std::string_view default_action(Kind kind) {
  return kind == Kind::warn ? "delayed" : kind == Kind::trace ? "relayed" : "failed";
}

// RFC 3464 2.3: one block for each recipient.
std::string recipient_fields(const Notice& notice, const BounceEntry& entry) {
  std::string out = format("\nFinal-Recipient: {}; {}\n",
                           address_type(entry.recipient, notice.utf8), entry.recipient);
  if (!entry.dsn_orig_rcpt.empty()) {
    out += format("Original-Recipient: {}\n", entry.dsn_orig_rcpt);
  } else if (!entry.original_recipient.empty()) {
    out += format("Original-Recipient: rfc822;{}\n", entry.original_recipient);
  }
  // At the end of its lifetime what was delayed has failed.
  bool logged_is_final = notice.kind == Kind::trace && !entry.action.empty();
  out += format("Action: {}\nStatus: {}\n",
                logged_is_final ? std::string_view(entry.action) : default_action(notice.kind),
                entry.status);
  if (!entry.mta_mname.empty())
    out += format("Remote-MTA: {}; {}\n", entry.mta_type, entry.mta_mname);
  bool diagnosed = !entry.diag_type.empty() && !entry.diag_text.empty();
  out += wrap_text(format("Diagnostic-Code: {}; {}", diagnosed ? entry.diag_type : "X-Postfix",
                          diagnosed ? entry.diag_text : entry.reason)) +
         "\n";
  if (notice.kind == Kind::warn)
    out += format("Will-Retry-Until: {}\n", mail::header_date(notice.retry_until));
  return out;
}

std::string message_fields(const Notice& notice) {
  std::string out = format("Reporting-MTA: dns; {}\n", notice.myhostname);
  if (!notice.envelope_id.empty()) out += format("Original-Envelope-Id: {}\n", notice.envelope_id);
  out += format("X-Postfix-Queue-ID: {}\n", notice.original_queue_id);
  if (!notice.sender.empty()) {
    out += format("X-Postfix-Sender: {}; {}\n", address_type(notice.sender, notice.utf8),
                  notice.sender);
  }
  return out + format("Arrival-Date: {}\n", mail::header_date(notice.arrival));
}

std::string_view third_part_name(const Notice& notice) {
  bool undelivered = notice.kind == Kind::bounce || notice.kind == Kind::expire;
  if (undelivered)
    return notice.headers_only ? "Undelivered Message Headers" : "Undelivered Message";
  return notice.headers_only ? "Message Headers" : "Message";
}

std::string headers(const Notice& notice, const std::string& boundary) {
  bool postmaster = notice.audience == Notice::Audience::postmaster;
  auto& subject = postmaster ? notice.words->postmaster_subject : notice.words->subject;
  std::string out = format("Date: {}\n", mail::header_date(notice.now));
  out += format("From: {}\nSubject: {}\nTo: {}\n", notice.from, subject, notice.to);
  out += format("Auto-Submitted: {}\n", postmaster ? "auto-generated" : "auto-replied");
  out += format(
      "MIME-Version: 1.0\nContent-Type: multipart/report; "
      "report-type={}delivery-status;\n\tboundary=\"{}\"\n",
      notice.utf8 ? "global-" : "", boundary);
  return out + "Content-Transfer-Encoding: 8bit\n\n";
}

}  // namespace

std::string wrap_text(std::string_view text) {
  std::string out;
  size_t column = 0;
  for (auto word : base::split(text, ' ')) {
    bool first = out.empty();
    if (!first && column + 1 + word.size() > kColumns) {
      out += "\n" + std::string(kIndent, ' ');
      column = kIndent;
    } else if (!first) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out;
}

std::string_view header_part(std::string_view content) {
  if (content.starts_with("\n")) return {};
  auto end = content.find("\n\n");
  return end == content.npos ? content : content.substr(0, end + 1);
}

std::vector<BounceEntry> wanted_recipients(const std::vector<BounceEntry>& all, Kind kind) {
  std::vector<BounceEntry> out;
  for (auto& entry : all) {
    int wanted = kind == Kind::warn    ? mail::kNotifyDelay
                 : kind == Kind::trace ? mail::kNotifySuccess
                                       : mail::kNotifyFailure;
    bool asked_nothing = entry.notify_flags == 0;
    if (kind == Kind::trace || asked_nothing || (entry.notify_flags & wanted)) out.push_back(entry);
  }
  return out;
}

std::string compose_notice(const Notice& notice) {
  auto boundary = format("{}.{}/{}", notice.original_queue_id, notice.now, notice.myhostname);
  std::string out = headers(notice, boundary);
  out += "This is a MIME-encapsulated message.\n\n";
  out += format("--{}\nContent-Description: Notification\nContent-Type: text/plain; charset={}\n",
                boundary, "utf-8");
  out += "Content-Transfer-Encoding: 8bit\n\n" + notice.text;
  for (auto& entry : notice.recipients) out += "\n" + recipient_words(entry) + "\n";
  out += format(
      "\n--{}\nContent-Description: Delivery report\nContent-Type: message/{}delivery-status\n\n",
      boundary, notice.utf8 ? "global-" : "");
  out += message_fields(notice);
  for (auto& entry : notice.recipients) out += recipient_fields(notice, entry);
  std::string_view type = notice.utf8
                              ? (notice.headers_only ? "message/global-headers" : "message/global")
                              : (notice.headers_only ? "text/rfc822-headers" : "message/rfc822");
  out += format(
      "\n--{}\nContent-Description: {}\nContent-Type: {}\nContent-Transfer-Encoding: 8bit\n\n",
      boundary, third_part_name(notice), type);
  out += format("Return-Path: <{}>\n", notice.sender);
  out += notice.original;
  if (!out.ends_with("\n")) out += '\n';
  return out + format("\n--{}--\n", boundary);
}

}  // namespace dovetail::mta
