// Any bytes as a DNS answer: names, compression and record data of foreign servers.
// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <string_view>

#include "common/net/dns_message.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto message = dovetail::net::parse_dns_message({reinterpret_cast<const char*>(data), size});
  if (message && message->answers.size() > size)
    __builtin_trap();  // each record takes at least eleven bytes
  return 0;
}
