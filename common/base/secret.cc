// SPDX-License-Identifier: Apache-2.0
#include "common/base/secret.h"

#include <cstring>

namespace dovetail::base {

void wipe(std::string& text) {
  // The capacity, not the size: a shorter value may have left bytes of a longer one behind it.
  text.resize(text.capacity());
  explicit_bzero(text.data(), text.size());
  text.clear();
}

bool equal_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

}  // namespace dovetail::base
