// Feeds any bytes to what reads LMTP: paths, details, the dots of DATA in pieces, the header's Message-ID; and to what POP3
// sends. Nothing may crash; what is accepted must survive being written out and read again, and pieces must not matter.
// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "mda/lmtp/dot_reader.h"
#include "mda/lmtp/message_file.h"
#include "mda/lmtp/path.h"
#include "mda/pop3/transfer.h"

using namespace dovetail::mda;

namespace {

std::string undot(std::string_view bytes, size_t piece, bool lf_lines) {
  lmtp::DotReader reader(lf_lines);
  std::string out;
  for (size_t at = 0; at < bytes.size() && !reader.done(); at += piece)
    reader.feed(bytes.substr(at, piece), out);
  return out;
}

std::string stuff(std::string_view bytes, size_t piece) {
  pop3::Stuffer stuffer({});
  std::string out;
  for (size_t at = 0; at < bytes.size(); at += piece) stuffer.feed(bytes.substr(at, piece), out);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  for (bool lenient : {false, true}) {
    auto parsed = lmtp::parse_path(text, {true, true, lenient, lenient});
    if (!parsed) continue;
    auto again = lmtp::parse_path("<" + parsed->path.text() + ">", {true, true, false, false});
    if (!again || again->path.text() != parsed->path.text()) abort();
    lmtp::split_detail(parsed->path, "+-");
  }
  for (bool lf_lines : {false, true}) {
    if (undot(text, 1, lf_lines) != undot(text, size + 1, lf_lines)) abort();
  }
  if (stuff(text, 1) != stuff(text, size + 1)) abort();
  lmtp::find_message_id(text);
  return 0;
}
