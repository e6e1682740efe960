// One message over one session: MAIL, RCPT, DATA in one flight where the server pipelines, the content, and what became of
// each recipient. LMTP answers once per accepted recipient after the dot (RFC 2033 4.2).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "mta/delivery/agent.h"
#include "mta/smtp/session.h"

namespace dovetail::mta {

struct RecipientResult {
  enum class Kind { sent, refused, unfinished };  // unfinished: nothing final was said
  Kind kind = Kind::unfinished;
  Failure failure;    // refused, unfinished
  ServerReply reply;  // sent
};

struct TransactionResult {
  std::vector<RecipientResult> recipients;  // in the order of `recipients` given
  bool session_usable = false;              // for the next message
  bool broke_before_reply =
      false;               // nothing was answered at all: a session that had been closed meanwhile
  bool after_dot = false;  // the end of data was sent: another try could deliver twice
};

Task<TransactionResult> send_message(SmtpSession& session, Delivery& delivery,
                                     const std::vector<size_t>& recipients,
                                     const SmtpParameters& parameters);

// Appends message text with dots doubled (RFC 5321 4.5.2) and lines over `limit` bytes broken by CRLF SPACE (0: never).
// State goes from call to call; the text has CRLF line ends.
class DotWriter {
 public:
  explicit DotWriter(size_t limit) : limit_(limit) {}
  void write(std::string_view text, std::string& out);
  bool broke_lines() const { return broke_; }

 private:
  size_t limit_, column_ = 0;
  bool broke_ = false;
};

}  // namespace dovetail::mta
