// Any bytes as what servers of socketmap:, tcp: and memcache: tables reply: what is taken apart lies within what was sent and
// within the limits, and what we write reads back the same.
// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <string>
#include <string_view>

#include "lookup/remote/endpoint.h"
#include "lookup/remote/replies.h"
#include "tests/fuzz/support.h"

using namespace dovetail;

namespace {

constexpr size_t kLimit = 1000;

void read_socketmap(std::string_view bytes) {
  auto parsed = lookup::parse_netstring(bytes, kLimit);
  if (!parsed || !*parsed) return;
  auto text = (*parsed)->text;
  tests::refuse((*parsed)->size > bytes.size() || text.size() > kLimit);
  auto reply = lookup::parse_socketmap_reply(text);
  tests::refuse(reply.text.size() > text.size());
  auto again = lookup::netstring(text);
  auto reread = lookup::parse_netstring(again, kLimit);
  tests::refuse(!reread || !*reread || (*reread)->text != text);
}

void read_lines(std::string_view bytes) {
  auto line = bytes.substr(0, bytes.find('\n'));
  auto reply = lookup::parse_tcp_reply(line);
  tests::refuse(reply.text.size() > line.size());
  auto encoded = lookup::tcp_encode(bytes);
  tests::refuse(encoded.find_first_of("\n \r") != std::string::npos);
  auto read_back = lookup::parse_tcp_reply("200 " + encoded);
  tests::refuse(read_back.text != bytes);
  auto header = lookup::parse_memcache_header(line, kLimit);
  tests::refuse(header.bytes > kLimit);
  bool one_word = lookup::is_memcache_key(bytes);
  tests::refuse(one_word && bytes.find_first_of(" \r\n") != std::string_view::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  read_socketmap(bytes);
  read_lines(bytes);
  (void)lookup::Endpoint::parse(bytes);
  return 0;
}
