// Plays conversations from files against a server coroutine over a socketpair: whole, byte by byte, and pipelined.
// The same runner serves SMTP, LMTP, IMAP, POP3; it knows lines, nothing of a protocol.
//
// A file is lines of these forms:
//   # comment                     the first one is the dialogue's title
//   set NAME = VALUE              handed to the test before the server is made (Dialogue::settings)
//   > text                        the client sends text CRLF
//   >> te\r\nxt\x00               the client sends these bytes, C escapes, nothing added
//   < text                        the next line begins with text
//   <= text                       the next line is text
//   <~ te*t                       the next line matches; * stands for anything
//   <... text                     lines up to and with one that begins with text, then a blank or the end
//   <eof                          the server closes
//   tls                           the client does a TLS handshake now
//   close                         the client closes its side and reads what is left
//   !  te*t                       this log line ("warning: " and so on in front) was written by now
//   !! te*t                       no such log line was written
// Played in order; log lines are looked at when the conversation has ended.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/file.h"
#include "common/base/result.h"
#include "common/net/loop.h"

namespace dovetail::tests {

struct DialogueStep {
  enum Kind { send, begins, equals, matches, multi, eof, tls, close, logged, not_logged };
  Kind kind = send;
  std::string text;  // of send: the bytes with their line end
  size_t line = 0;   // in the file, for messages
};

struct Dialogue {
  std::string title, path;
  std::map<std::string, std::string> settings;
  std::vector<DialogueStep> steps;

  // An error names file and line.
  static Result<Dialogue> parse(std::string_view text, std::string path);
  static Result<Dialogue> load(const std::string& path);
  // "set modes = whole bytes" limits how it may be played; default all three.
  bool may(std::string_view mode) const;
};

enum class DialogueMode { whole, bytes, pipelined };

// Makes the server's side: takes the descriptor and runs until the conversation is over.
using DialogueServer = std::function<Task<>(base::Fd)>;

// Plays it; "" if all went as written, else what was expected and what came, with file and line.
// Log lines are captured while it runs. A conversation that stalls for 10 s fails.
std::string play(Loop& loop, const Dialogue& dialogue, DialogueMode mode,
                 const DialogueServer& server);

// Whether text matches a pattern in which * stands for any text, also none.
bool matches_pattern(std::string_view pattern, std::string_view text);

// All *.dlg files of a directory, sorted.
std::vector<std::string> dialogue_files(const std::string& directory);

}  // namespace dovetail::tests
