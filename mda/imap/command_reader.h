// Reads whole commands from a client: tag, name, arguments with their literals (RFC 3501 2.2.1, 7.5; RFC 7888).
// Used before login as well as after it. What the names mean is the caller's table.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/net/conn.h"
#include "mda/imap/arg_parser.h"

namespace dovetail::mda::imap {

struct Command {
  std::string tag{};    // empty: there was no usable tag
  std::string name{};   // upper case, "UID FETCH" in one
  std::string error{};  // not empty: the command cannot be run, answer BAD with this
  bool fatal = false;   // what follows on the connection can't be told from the literal: say BYE
  std::optional<LiteralSize> message{};  // APPEND: a literal the command itself has to read
  std::optional<ArgParser> parser{};

  Args& args() { return parser->args(); }
};

// Takes tag and name from the first line; returns what is left of it for the arguments. Sets error if one is missing.
std::string_view take_tag_and_name(std::string_view line, Command& command);

class CommandReader {
 public:
  // With streams_append the message literals of APPEND are left to the command.
  CommandReader(Conn& conn, ParserLimits limits, bool streams_append)
      : conn_(conn), limits_(limits), streams_append_(streams_append) {}

  // Flushes output before it waits. Throws IoError when the client is gone or silent for too long.
  Task<Command> read();
  // After APPEND has read its message: the arguments behind it, up to the next message or the end.
  Task<> read_on(Command& command);
  // Reads and drops what is left of the command, for one that fails while a literal is announced.
  Task<> skip_rest(Command& command);
  // A part of the announced message, at most `most` bytes; `left` is counted down. Empty only when left is 0.
  Task<std::string> read_part(uint64_t& left, size_t most);

  // Everything the session writes goes through here, so that the log line at the end can tell how much it was.
  void put(std::string_view text) {
    bytes_out_ += text.size();
    conn_.put(text);
  }
  uint64_t bytes_in() const { return bytes_in_; }
  uint64_t bytes_out() const { return bytes_out_; }
  Conn& conn() const { return conn_; }
  // The next line as it is, for IDLE's DONE.
  Task<std::string> read_plain_line();

 private:
  Task<> parse(Command& command, std::string line);
  Task<std::string> next_line(Command& command);
  Task<> skip_literals(std::optional<LiteralSize> literal);

  Conn& conn_;
  ParserLimits limits_;
  bool streams_append_;
  uint64_t bytes_in_ = 0;
  uint64_t bytes_out_ = 0;
};

}  // namespace dovetail::mda::imap
