// SPDX-License-Identifier: Apache-2.0
#include "common/mail/header.h"

#include <algorithm>
#include <iterator>

#include "common/base/text.h"

namespace dovetail::mail {

namespace {

using enum HeaderKind;

// clang-format off
constexpr HeaderInfo header_rows[] = {  // sorted by lower-case name
    {"Apparently-To",               apparently_to,               kHeaderRecipient},
    {"Bcc",                         bcc,                         kHeaderRecipient},
    {"Cc",                          cc,                          kHeaderRecipient},
    {"Content-Description",         content_description,         kHeaderMime},
    {"Content-Disposition",         content_disposition,         kHeaderMime},
    {"Content-ID",                  content_id,                  kHeaderMime},
    {"Content-Length",              content_length,              0},
    {"Content-Transfer-Encoding",   content_transfer_encoding,   kHeaderMime},
    {"Content-Type",                content_type,                kHeaderMime},
    {"Date",                        date,                        0},
    {"Delivered-To",                delivered_to,                0},
    {"Disposition-Notification-To", disposition_notification_to, kHeaderSender},
    {"Errors-To",                   errors_to,                   kHeaderSender},
    {"From",                        from,                        kHeaderSender},
    {"Mail-Followup-To",            mail_followup_to,            kHeaderSender},
    {"Message-Id",                  message_id,                  0},
    {"MIME-Version",                mime_version,                kHeaderMime},
    {"Received",                    received,                    0},
    {"Reply-To",                    reply_to,                    kHeaderSender},
    {"Resent-Bcc",                  resent_bcc,                  kHeaderRecipient | kHeaderResent},
    {"Resent-Cc",                   resent_cc,                   kHeaderRecipient | kHeaderResent},
    {"Resent-Date",                 resent_date,                 kHeaderResent},
    {"Resent-From",                 resent_from,                 kHeaderSender | kHeaderResent},
    {"Resent-Message-Id",           resent_message_id,           kHeaderResent},
    {"Resent-Reply-To",             resent_reply_to,             kHeaderSender | kHeaderResent},
    {"Resent-Sender",               resent_sender,               kHeaderSender | kHeaderResent},
    {"Resent-To",                   resent_to,                   kHeaderRecipient | kHeaderResent},
    {"Return-Path",                 return_path,                 kHeaderSender},
    {"Return-Receipt-To",           return_receipt_to,           kHeaderSender},
    {"Sender",                      sender,                      kHeaderSender},
    {"Subject",                     subject,                     0},
    {"To",                          to,                          kHeaderRecipient},
};
// clang-format on

constexpr size_t kFoldColumn = 70;

}  // namespace

size_t header_name_length(std::string_view line) {
  size_t end = 0;  // RFC 5322 2.2: printable ASCII without the colon
  while (end < line.size() && line[end] > ' ' && line[end] < 0x7f && line[end] != ':') ++end;
  if (end == 0) return 0;
  size_t colon = end;
  while (colon < line.size() && (line[colon] == ' ' || line[colon] == '\t')) ++colon;
  return colon < line.size() && line[colon] == ':' ? end : 0;
}

const HeaderInfo* find_header(std::string_view name) {
  base::ILess less;
  auto at = std::lower_bound(
      std::begin(header_rows), std::end(header_rows), name,
      [&](const HeaderInfo& row, std::string_view key) { return less(row.name, key); });
  return at != std::end(header_rows) && base::iequals(at->name, name) ? at : nullptr;
}

std::optional<HeaderParts> split_header(std::string_view logical) {
  size_t length = header_name_length(logical);
  if (length == 0) return std::nullopt;
  std::string_view value = logical.substr(logical.find(':', length) + 1);
  return HeaderParts{logical.substr(0, length), base::trim_left(value)};
}

std::string fold_header(std::string_view logical) {
  std::string out;
  size_t column = 0;
  for (size_t at = 0; at < logical.size();) {
    // A comma inside a quoted name is no place to fold.
    bool quoted = false;
    size_t end = at;
    for (; end < logical.size(); ++end) {
      if (logical[end] == '\\')
        ++end;
      else if (logical[end] == '"')
        quoted = !quoted;
      else if (!quoted && logical[end] == ',' && end + 1 < logical.size() &&
               logical[end + 1] == ' ')
        break;
    }
    end = std::min(end, logical.size());
    bool more = end < logical.size();
    std::string_view member = logical.substr(at, end - at + (more ? 1 : 0));
    if (!out.empty()) {
      bool fits = column + 1 + member.size() < kFoldColumn;
      out += fits ? " " : "\n\t";
      column = fits ? column + 1 : 8;
    }
    out += member;
    column += member.size();
    at = end + (more ? 2 : 0);
    if (!more) break;
  }
  return out;
}

std::string unfold_header(std::string_view logical) {
  std::string out(logical);
  std::erase_if(out, [](char c) { return c == '\n' || c == '\r'; });
  return out;
}

}  // namespace dovetail::mail
