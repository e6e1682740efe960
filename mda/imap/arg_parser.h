// Turns the lines and literals of one command into its arguments (RFC 3501 9, 4; RFC 7888).
//
// It is fed by whoever reads the connection: a line without its end, then, as long as it says so, the bytes of a literal
// and the next line. It never sees the connection, so the same parser serves the login process, the session and the
// fuzzer. After an error it remembers whether the line promised a non-synchronising literal: those bytes are already on
// their way and must be skipped, never read as commands.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mda/imap/args.h"

namespace dovetail::mda::imap {

struct ParserLimits {
  size_t line =
      65536;  // imap_max_line_length: the command without APPEND's message, literals included
  size_t depth = 64;           // lists in lists
  bool literal_minus = false;  // imap_literal_minus: {n+} only up to 4096 (RFC 7888 5)
};

struct LiteralSize {
  uint64_t size = 0;
  bool synchronising = true;
};
// The literal announced at the end of a line, if any: "{12}" or "{12+}".
std::optional<LiteralSize> literal_at_end(std::string_view line);

class ArgParser {
 public:
  enum class State : uint8_t {
    done,     // args() is complete
    literal,  // wants pending().size bytes by literal(), then the next line
    message,  // the line ends with a literal outside of all lists and the caller asked to take such himself
    bad,  // error() says why
  };

  // With streams_message a literal at the outermost level is not collected: APPEND's message may be large.
  explicit ArgParser(ParserLimits limits, bool streams_message = false);

  State line(std::string_view text);
  // Takes the announced bytes; the next line follows.
  void literal(std::string bytes);
  // The message was read by the caller; forgets the arguments before it and goes on with the next line.
  void message_taken();

  const LiteralSize& pending() const { return pending_; }
  const std::string& error() const { return error_; }
  // The literal was too large: nothing behind it can be understood unless the client waits for us.
  bool literal_too_big() const { return too_big_; }
  Args& args() { return open_.front(); }

 private:
  State fail(std::string why);
  State announce(std::string_view rest);
  bool take_quoted(std::string_view& rest);
  bool take_atom(std::string_view& rest);
  bool close_list();

  ParserLimits limits_;
  bool streams_message_;
  bool too_big_ = false;
  size_t used_ = 0;
  std::vector<Args> open_;  // the lists not yet closed; the first is the command itself
  LiteralSize pending_;
  std::string error_;
};

}  // namespace dovetail::mda::imap
