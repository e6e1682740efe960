// An SMTP or LMTP reply: code, enhanced status, text of one or more lines (RFC 5321 4.2, RFC 2034).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace dovetail::mail {

struct Reply {
  int code = 0;
  std::string dsn;   // "5.7.1"; empty: none
  std::string text;  // lines separated by '\n'

  // The bytes on the wire, each line ended with CRLF and carrying the code and the enhanced status.
  std::string wire() const;
  // One line as logs show it: "550 5.1.1 text text".
  std::string line() const;
  int digit() const { return code / 100; }
  bool ok() const { return digit() == 2; }
};

// Puts a reply together line by line.
class ReplyReader {
 public:
  enum class State { more, done, bad };
  // One line without its line end. `bad`: not a reply line (no three digits, or no blank or '-'
  // behind them).
  State add(std::string_view line);
  Reply take();

 private:
  Reply reply_;
  bool first_ = true;
};

}  // namespace dovetail::mail
