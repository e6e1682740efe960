// A message on its way to a POP3 client: dots stuffed, the lone dot at the end, TOP's limit of lines (RFC 1939 3, 7).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dovetail::mda::pop3 {

class Stuffer {
 public:
  struct Options {
    std::optional<uint64_t> body_lines;  // TOP
    bool no_nuls = false;                // outlook-no-nuls: 0x80 instead
    bool force_header_end = false;       // oe-ns-eoh: a header without an empty line gets one
  };
  explicit Stuffer(Options options) : options_(options) {}

  // Pieces with CRLF line ends; false: enough, nothing more is needed.
  bool feed(std::string_view piece, std::string& out);
  // What ends the answer: the line end of the last line if it lacks one, then the lone dot.
  std::string finish();

 private:
  Options options_;
  bool line_start_ = true, in_header_ = true, enough_ = false;
  bool line_empty_ = true;
  uint64_t lines_ = 0;
};

}  // namespace dovetail::mda::pop3
