// SPDX-License-Identifier: Apache-2.0
#include "common/base/random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "common/base/text.h"

namespace dovetail::base {

std::string random_bytes(size_t count) {
  std::string bytes(count, '\0');
  for (size_t got = 0; got < count;) {
    ssize_t n = getrandom(bytes.data() + got, count - got, 0);
    if (n < 0 && errno != EINTR) abort();  // no kernel without getrandom is supported
    if (n > 0) got += static_cast<size_t>(n);
  }
  return bytes;
}

std::string random_hex(size_t digits) {
  return hex(random_bytes((digits + 1) / 2)).substr(0, digits);
}

uint32_t random_below(uint32_t below) {
  for (;;) {
    uint32_t value;
    memcpy(&value, random_bytes(sizeof value).data(), sizeof value);
    // The last, incomplete stretch of the range would favour small results.
    if (value < UINT32_MAX - UINT32_MAX % below) return value % below;
  }
}

}  // namespace dovetail::base
