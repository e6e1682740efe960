// Feeds any bytes to the readers of the incumbent's index files. Input: three files one after the other, the first two
// preceded by their length in three octets, little endian. Seeds: tests/data/dovecot-index, alone they are main files.
// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "mda/storage/index/foreign_index.h"

namespace {

std::string_view take_foreign_file(std::string_view& input) {
  if (input.size() < 3) return {};
  size_t length = 0;
  for (size_t i = 0; i < 3; ++i) length |= size_t{static_cast<unsigned char>(input[i])} << (8 * i);
  input.remove_prefix(3);
  std::string_view file = input.substr(0, length);
  input.remove_prefix(file.size());
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using dovetail::mda::ForeignIndex;
  std::string_view input(reinterpret_cast<const char*>(data), size);
  ForeignIndex each[3];
  each[0].read_main(input);
  each[1].read_log(input);
  each[2].read_cache(input);
  ForeignIndex whole;
  whole.read_main(take_foreign_file(input));
  whole.read_log(take_foreign_file(input));
  whole.read_cache(input);
  for (const auto& message : whole.messages()) {
    for (uint16_t keyword : message.keywords) {
      if (keyword >= whole.keywords().size()) abort();
    }
  }
  return 0;
}
