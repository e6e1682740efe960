// Undoes the dot-stuffing of DATA and finds its end (RFC 5321 4.5.2), fed with any pieces.
// A lone dot ends the message only between two real line ends: CR LF, so that a message which another server let
// through with a bare LF cannot smuggle a second one in. A client that ended the DATA command itself with a bare LF
// uses that as its line end, and is understood.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace dovetail::mda::lmtp {

class DotReader {
 public:
  explicit DotReader(bool lf_is_line_end) : lf_is_line_end_(lf_is_line_end) {}

  // Appends the message's bytes to out, line ends unchanged; gives how many were used: all, unless the end was among
  // them.
  size_t feed(std::string_view bytes, std::string& out);
  bool done() const { return state_ == State::done; }

 private:
  enum class State { line_start, dot, dot_cr, inside, cr, done };
  void step(char c, std::string& out);
  void inside(char c, std::string& out);

  bool lf_is_line_end_;
  State state_ = State::line_start;
};

}  // namespace dovetail::mda::lmtp
