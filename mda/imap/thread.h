// Builds message threads: REFERENCES and ORDEREDSUBJECT (RFC 5256 3). Pure computation over what was read before.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dovetail::mda::imap {

// What threading needs to know of a message.
struct ThreadMessage {
  uint32_t number = 0;  // message number or UID, as it is to be answered
  int64_t sent = 0;
  std::string message_id{};
  std::vector<std::string> references{};  // of References, else the first of In-Reply-To
  std::string base_subject{};
  bool is_reply = false;  // Re: or forwarded, by its subject
};

// The text behind "* THREAD ": "(1 (2)(3))(4)".
std::string thread_references(std::vector<ThreadMessage> messages);
std::string thread_ordered_subject(std::vector<ThreadMessage> messages);

}  // namespace dovetail::mda::imap
