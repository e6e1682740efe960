// ENVELOPE text; see envelope.h. Addresses are parsed in address_list.cc.
// SPDX-License-Identifier: Apache-2.0
#include "mda/message/envelope.h"

#include "common/base/text.h"

namespace dovetail::mda {

namespace {

constexpr size_t kMostEscapes = 4;  // more quotes or backslashes than that go out as a literal

bool wants_literal(std::string_view text) {
  size_t escapes = 0;
  for (char c : text) {
    if (static_cast<unsigned char>(c) >= 128 || c == '\r' || c == '\n' || c == '\0') return true;
    if ((c == '"' || c == '\\') && ++escapes > kMostEscapes) return true;
  }
  return false;
}

void append_address_list(std::string& out, const std::vector<Address>& list) {
  if (list.empty()) {
    out += "NIL";
    return;
  }
  out += '(';
  for (const Address& address : list) {
    out += '(';
    if (address.name)
      append_text(out, *address.name);
    else
      out += "NIL";
    out += ' ';
    append_nstring(out, address.route);
    out += ' ';
    append_nstring(out, address.mailbox);
    out += ' ';
    append_nstring(out, address.domain);
    out += ')';
  }
  out += ')';
}

enum EnvelopeBit {
  kDate,
  kSubject,
  kFrom,
  kSender,
  kReplyTo,
  kTo,
  kCc,
  kBcc,
  kInReplyTo,
  kMessageId
};

void append_text_field(std::string& out, const EnvelopeFields& fields, EnvelopeBit bit,
                       const std::string& text) {
  if (fields.present & (1u << bit))
    append_string(out, text);
  else
    out += "NIL";
}

}  // namespace

void append_string(std::string& out, std::string_view text) {
  if (wants_literal(text)) {
    std::string clean;
    for (char c : text) {
      if (c != '\0') clean += c;
    }
    fmt::format_to(std::back_inserter(out), "{{{}}}\r\n{}", clean.size(), clean);
    return;
  }
  out += '"';
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

void append_text(std::string& out, std::string_view text) {
  std::string clean;
  bool plain = true;
  bool blank = false;
  for (char c : text) {
    bool is_blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
    if (is_blank && blank)
      plain = false;
    else
      clean += is_blank ? ' ' : c == '\0' ? '\x80' : c;
    if (c == '"' || c == '\\' || c == '\0' || static_cast<unsigned char>(c) >= 128) plain = false;
    if (is_blank && c != ' ') plain = false;
    blank = is_blank;
  }
  if (blank && !clean.empty()) {
    clean.pop_back();
    plain = false;
  }
  if (plain || clean.empty())
    fmt::format_to(std::back_inserter(out), "\"{}\"", clean);
  else
    fmt::format_to(std::back_inserter(out), "{{{}}}\r\n{}", clean.size(), clean);
}

void append_nstring(std::string& out, const std::optional<std::string>& text) {
  if (text)
    append_string(out, *text);
  else
    out += "NIL";
}

std::string envelope_text(const EnvelopeFields& fields) {
  std::string out;
  append_text_field(out, fields, kDate, fields.date);
  out += ' ';
  if (fields.present & (1u << kSubject))
    append_text(out, fields.subject);
  else
    out += "NIL";
  out += ' ';
  std::vector<Address> from = parse_addresses(fields.from);
  append_address_list(out, from);
  // RFC 3501 7.4.2: sender and reply-to fall back to from.
  for (const std::string* text : {&fields.sender, &fields.reply_to}) {
    std::vector<Address> list = parse_addresses(*text);
    out += ' ';
    append_address_list(out, list.empty() ? from : list);
  }
  for (const std::string* text : {&fields.to, &fields.cc, &fields.bcc}) {
    out += ' ';
    append_address_list(out, parse_addresses(*text));
  }
  out += ' ';
  append_text_field(out, fields, kInReplyTo, fields.in_reply_to);
  out += ' ';
  append_text_field(out, fields, kMessageId, fields.message_id);
  return out;
}

}  // namespace dovetail::mda
