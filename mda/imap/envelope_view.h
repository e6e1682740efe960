// Takes a ready ENVELOPE text apart again, for SEARCH: the index has it at hand, the message would have to be opened.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "mda/imap/args.h"

namespace dovetail::mda::imap {

// The fields in their order; names are those of SEARCH and of the header.
enum class EnvelopeField : uint8_t {
  date,
  subject,
  from,
  sender,
  reply_to,
  to,
  cc,
  bcc,
  in_reply_to,
  message_id,
};
std::optional<EnvelopeField> envelope_field(std::string_view header_name);

Args parse_envelope_args(std::string_view text);
// What SEARCH looks in (RFC 3501 6.4.4: "in the envelope structure's FROM field"): decoded UTF-8, all addresses as
// "Name <mailbox@host>"; nullopt: the message has no such field.
std::optional<std::string> envelope_field_text(const Args& envelope, EnvelopeField field);

}  // namespace dovetail::mda::imap
