// SPDX-License-Identifier: Apache-2.0
#include "mta/smtpd/data_reader.h"

namespace dovetail::mta::smtpd {

std::optional<DataReader::Cut> DataReader::cut(std::string_view input, size_t& used) {
  auto end = input.substr(0, limit_ + 2).find('\n');
  if (end == input.npos) {
    if (input.size() < limit_ + 2) return std::nullopt;
    used = limit_;
    // A CR at the cut may belong to the line's end and must stay with its LF.
    if (input[used - 1] == '\r') --used;
    return Cut{{input.substr(0, used), false, false, used}, false};
  }
  used = end + 1;
  bool bare = end == 0 || input[end - 1] != '\r';
  auto text = input.substr(0, bare ? end : end - 1);
  if (bare) seen_bare_lf_ = true;
  return Cut{{text, true, false, text.size() + 2}, bare};
}

std::optional<DataPiece> DataReader::next(std::string_view input, size_t& used) {
  auto found = cut(input, used);
  if (!found) return std::nullopt;
  auto& piece = found->piece;
  if (line_start_ && !piece.text.empty() && piece.text.front() == '.') {
    piece.text.remove_prefix(1);
    bool lone = piece.text.empty() && piece.complete;
    // RFC 5321 4.1.1.4: the end is CRLF . CRLF; what merely looks like it is a line of the message.
    if (lone && !(strict_end_ && (found->bare || last_bare_))) piece.end = true;
  }
  line_start_ = piece.complete;
  if (piece.complete) last_bare_ = found->bare;
  return piece;
}

std::optional<DataPiece> DataReader::next_plain(std::string_view input, size_t& used) {
  auto found = cut(input, used);
  if (!found) return std::nullopt;
  return found->piece;
}

}  // namespace dovetail::mta::smtpd
