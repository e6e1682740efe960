// One line of dovecot.conf at a time: comments, continuation, quotes, and the three forms a line can have.
// Knows nothing of settings; parser.h gives the lines their meaning.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace dovetail::conf::dovecot {

struct Line {
  enum class Kind {
    skip,       // empty, comment, or the first part of a continued line
    setting,    // key = value
    block,      // key [name] {
    block_end,  // }
    include,
    include_try,  // value is the pattern
    error         // value says why
  } kind = Kind::skip;
  std::string key;
  std::string value;       // of a block: its name
  bool expand = false;     // unquoted value with a $ in it
  bool from_file = false;  // = <path
  bool ambiguous_comment = false;
};

class LineReader {
 public:
  // A physical line without its line feed.
  Line read(std::string_view text);

 private:
  std::string pending_;  // what lines ending in a backslash have left
};

// Text between quotes with backslash escapes undone.
std::string unescape_quoted(std::string_view text);

}  // namespace dovetail::conf::dovecot
