// Header lines: where a name ends, which fields the MTA knows and what it does with each, folding
// (RFC 5322 2.2). A logical header is "Name: value" with its line breaks inside as '\n' and no
// final one.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dovetail::mail {

// Length of the field name if the line begins a header ("Subject: x" -> 7), 0 if it does not. White
// space before the colon is allowed, an empty name is not.
size_t header_name_length(std::string_view line);
inline bool is_continuation(std::string_view line) {
  return !line.empty() && (line[0] == ' ' || line[0] == '\t');
}

enum class HeaderKind {
  unknown,
  apparently_to,
  bcc,
  cc,
  content_description,
  content_disposition,
  content_id,
  content_length,
  content_transfer_encoding,
  content_type,
  date,
  delivered_to,
  disposition_notification_to,
  errors_to,
  from,
  mail_followup_to,
  message_id,
  mime_version,
  received,
  reply_to,
  resent_bcc,
  resent_cc,
  resent_date,
  resent_from,
  resent_message_id,
  resent_reply_to,
  resent_sender,
  resent_to,
  return_path,
  return_receipt_to,
  sender,
  subject,
  to
};
// What the MTA does with a field.
enum HeaderFlags : unsigned {
  kHeaderSender = 1,     // addresses rewritten as senders
  kHeaderRecipient = 2,  // addresses rewritten as recipients
  kHeaderResent = 4,     // belongs to the Resent- block
  kHeaderMime = 8,       // looked at by mime_header_checks
  kHeaderAddress = kHeaderSender | kHeaderRecipient,
};
struct HeaderInfo {
  std::string_view name;  // in its usual spelling
  HeaderKind kind = HeaderKind::unknown;
  unsigned flags = 0;
};
// The row of a name in any case; nullptr for fields the MTA has no interest in.
const HeaderInfo* find_header(std::string_view name);

struct HeaderParts {
  std::string_view name;
  std::string_view value;  // leading white space removed, line breaks still inside
};
std::optional<HeaderParts> split_header(std::string_view logical);

// Joins ", "-separated members of a rewritten field into lines of less than 70 columns;
// continuation lines begin with a tab.
std::string fold_header(std::string_view logical);
// Unfolded: line breaks removed, the white space behind them kept.
std::string unfold_header(std::string_view logical);

}  // namespace dovetail::mail
