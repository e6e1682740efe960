// Takes a ready ENVELOPE text apart again, for SORT and THREAD: the index has it at hand, the message would have to be opened.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace dovetail::mda::imap {

struct EnvelopeAddress {
  std::string name, mailbox, host;  // of the first address; raw, names may hold encoded words
};

struct EnvelopeView {
  std::string date, subject, in_reply_to, message_id;
  EnvelopeAddress from, to, cc;
};

// The text inside ENVELOPE (...). What cannot be understood is empty.
EnvelopeView parse_envelope_view(std::string_view text);

}  // namespace dovetail::mda::imap
