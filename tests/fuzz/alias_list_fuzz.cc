// What users write into .forward files and administrators into aliases, and the output of their commands.
// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "mta/local/address_list.h"
#include "mta/local/exit_status.h"

using namespace dovetail;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (auto& one : mta::parse_forward(text)) {
    if (one.kind == mta::Destination::address && one.text.empty()) abort();
  }
  mta::parse_alias_value(text);
  mta::needs_shell(text);
  auto judged = mta::judge_exit(1 << 8, "command", mta::show_output(text));
  if (!judged || judged->status[0] == '2') abort();
  return 0;
}
