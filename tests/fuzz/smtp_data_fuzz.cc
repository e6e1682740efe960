// Feeds any bytes after DATA, whole and cut anywhere: the same lines must come out, the end must be found at the same
// place, and with strict line ends nothing but CR LF . CR LF may be an end.
// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "mta/smtpd/data_reader.h"

using dovetail::mta::smtpd::DataReader;

namespace {

struct Outcome {
  std::string lines;
  size_t end = std::string_view::npos;  // where the message ended
};

Outcome read_in_steps(std::string_view bytes, bool strict, size_t step) {
  DataReader reader(64, strict);
  Outcome outcome;
  size_t start = 0, given = 0;
  for (;;) {
    size_t used = 0;
    auto piece = reader.next(bytes.substr(start, given - start), used);
    if (!piece) {
      if (given == bytes.size()) return outcome;
      given = given + step < bytes.size() ? given + step : bytes.size();
      continue;
    }
    if (used == 0 || start + used > given) abort();
    start += used;
    if (piece->end) {
      outcome.end = start;
      return outcome;
    }
    outcome.lines += piece->text;
    if (piece->complete) outcome.lines += '\n';
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (bool strict : {false, true}) {
    auto whole = read_in_steps(bytes, strict, size + 1);
    auto slow = read_in_steps(bytes, strict, 1);
    if (whole.lines != slow.lines || whole.end != slow.end) abort();
    if (!strict || whole.end == std::string_view::npos) continue;
    auto before = bytes.substr(0, whole.end);
    bool first_line = before == ".\r\n";
    bool standard = before.size() >= 5 && before.substr(before.size() - 5) == "\r\n.\r\n";
    if (!first_line && !standard) abort();
  }
  return 0;
}
