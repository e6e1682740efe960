// One message from standard input through postdrop into the maildrop: From_ lines and CR are removed, lines cut into records,
// recipients taken from the headers for -t. Rewriting and completing headers is cleanup's.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mta/queue/record.h"
#include "mta/tools/sendmail/options.h"

namespace dovetail::mta {

// The recipients in the headers of a message (-t). Resent- headers, if there are any, count instead of the others
// (RFC 5322 3.6.6).
class HeaderRecipients {
 public:
  // The next line of the message, without line end; false: the headers are over, and this line belongs to the body.
  bool line(std::string_view text);
  // After the last line.
  void end();
  std::vector<std::string> take();

 private:
  void finish_header();
  std::string header_;
  std::vector<std::string> recipients_, resent_;
  bool resent_seen_ = false;
};

// Turns bytes of a message into content records.
class ContentRecords {
 public:
  struct Rules {
    bool lone_dot_ends = true;
    bool extract_recipients = false;
    std::string fix_line_endings = "always";  // sendmail_fix_line_endings: always, strict, never
    size_t line_length_limit = 2048;
  };
  explicit ContentRecords(Rules rules) : rules_(std::move(rules)) {}
  // Takes a piece of the input; appends records. false: a lone dot ended the message.
  bool add(std::string_view bytes, std::string& out);
  // The input is over; a last line without line end counts.
  void end(std::string& out);
  std::vector<std::string> recipients() { return headers_.take(); }

 private:
  bool line(std::string_view text, bool whole, std::string& out);
  bool strip_cr(std::string_view& text);

  Rules rules_;
  HeaderRecipients headers_;
  std::string partial_;
  bool in_line_ = false;  // a piece of this line was put already
  bool at_start_ = true;  // before anything but From_ lines
  bool in_headers_ = true;
  bool ended_ = false;
  int first_line_crlf_ = -1;
};

// Addresses in internal form from a command line word or a header body; empty ones are left out.
std::vector<std::string> addresses_in(std::string_view text);
// -f: one address in internal form; "<>" and "" are the null sender.
std::string sender_address(std::string_view text);

// The records in front of the content.
struct SubmissionEnvelope {
  std::string sender, full_name;
  std::vector<std::string> recipients;
};
std::string envelope_records(const SendmailOptions& options, const SubmissionEnvelope& envelope);
void append_recipient(std::string& out, const std::string& address, int dsn_notify);

}  // namespace dovetail::mta
