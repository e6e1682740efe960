// Cuts what a client sends after DATA or BDAT into lines: removes dot-stuffing, finds the lone dot, watches for bare LF
// (RFC 5321 4.1.1.4, 4.5.2; RFC 3030). Size limits, storage and waiting are the caller's.
//
// Longer lines than the limit come in pieces, so that one line can never fill memory. Nothing is copied for DATA: pieces
// are views into the connection's buffer.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace dovetail::mta::smtpd {

struct DataPiece {
  std::string_view text;  // without dot-stuffing and line end
  bool complete = true;   // ends a line; false: more of the same line follows
  bool end = false;       // the lone dot; text is empty
  size_t octets = 0;      // as the client counts: text and line end, CRLF however it ended
};

class DataReader {
 public:
  // strict_end: only CR LF . CR LF ends the message (smtpd_forbid_bare_newline = normalize), so that no relay before us
  // and no relay behind us can see another end than we do.
  DataReader(size_t line_limit, bool strict_end) : limit_(line_limit), strict_end_(strict_end) {}

  // The next piece at the start of input and how much of input it used; nullopt: more input is needed.
  std::optional<DataPiece> next(std::string_view input, size_t& used);
  // The same for BDAT: no dots mean anything.
  std::optional<DataPiece> next_plain(std::string_view input, size_t& used);
  bool seen_bare_lf() const { return seen_bare_lf_; }

 private:
  struct Cut {
    DataPiece piece;
    bool bare = false;
  };
  std::optional<Cut> cut(std::string_view input, size_t& used);

  size_t limit_;
  bool strict_end_;
  bool line_start_ = true;
  bool last_bare_ = false;  // how the line before ended; the command DATA itself ended with CR LF
  bool seen_bare_lf_ = false;
};

}  // namespace dovetail::mta::smtpd
