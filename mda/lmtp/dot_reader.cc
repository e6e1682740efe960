// SPDX-License-Identifier: Apache-2.0
#include "mda/lmtp/dot_reader.h"

#include <algorithm>

namespace dovetail::mda::lmtp {

size_t DotReader::feed(std::string_view bytes, std::string& out) {
  size_t at = 0;
  while (at < bytes.size() && state_ != State::done) {
    // The inside of lines goes in one piece. A bare LF belongs to it, unless it is this client's line end.
    if (state_ == State::inside) {
      auto stop = std::min(bytes.find('\r', at), bytes.size());
      if (lf_is_line_end_) stop = std::min(bytes.find('\n', at), stop);
      out.append(bytes.substr(at, stop - at));
      at = stop;
      if (at == bytes.size()) break;
    }
    step(bytes[at++], out);
  }
  return at;
}

void DotReader::inside(char c, std::string& out) {
  out += c;
  if (c == '\r') {
    state_ = State::cr;
  } else if (c == '\n') {
    state_ = lf_is_line_end_ || state_ == State::cr ? State::line_start : State::inside;
  } else {
    state_ = State::inside;
  }
}

void DotReader::step(char c, std::string& out) {
  switch (state_) {
    case State::line_start:
      if (c == '.')
        state_ = State::dot;
      else
        inside(c, out);
      return;
    case State::dot:
      // The stuffed dot is dropped whatever comes next, unless it turns out to be the end.
      if (c == '\r') {
        state_ = State::dot_cr;
      } else if (c == '\n' && lf_is_line_end_) {
        state_ = State::done;
      } else {
        inside(c, out);
      }
      return;
    case State::dot_cr:
      if (c == '\n') {
        state_ = State::done;
        return;
      }
      out += '\r';
      state_ = State::cr;
      inside(c, out);
      return;
    case State::inside:
    case State::cr:
      inside(c, out);
      return;
    case State::done:
      return;
  }
}

}  // namespace dovetail::mda::lmtp
