// See blocks.h.
// SPDX-License-Identifier: Apache-2.0
#include "mda/storage/index/blocks.h"

#include <array>

namespace dovetail::mda {

namespace {

constexpr std::array<uint32_t, 256> make_crc32c_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value & 1) ? (value >> 1) ^ 0x82F63B78u : value >> 1;
    table[i] = value;
  }
  return table;
}
constexpr std::array<uint32_t, 256> crc32c_table = make_crc32c_table();

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  uint32_t crc = 0xFFFFFFFFu;
  for (char c : bytes)
    crc = crc32c_table[(crc ^ static_cast<unsigned char>(c)) & 0xff] ^ (crc >> 8);
  return ~crc;
}

std::string make_block(uint32_t type, std::string_view body) {
  std::string rest;
  rest.reserve(body.size() + 8);
  put_number<uint32_t>(rest, type);
  put_number<uint32_t>(rest, static_cast<uint32_t>(body.size()));
  rest += body;
  std::string block;
  block.reserve(rest.size() + 4);
  put_number<uint32_t>(block, crc32c(rest));
  return block += rest;
}

std::optional<Block> read_block(std::string_view bytes, bool& torn) {
  torn = false;
  NumberReader head(bytes);
  uint32_t crc = head.get<uint32_t>();
  Block block;
  block.type = head.get<uint32_t>();
  uint32_t length = head.get<uint32_t>();
  if (head.bad() || head.left() < length) {
    torn = true;
    return std::nullopt;
  }
  block.body = bytes.substr(kBlockHead, length);
  block.length = kBlockHead + length;
  if (crc32c(bytes.substr(4, block.length - 4)) != crc) return std::nullopt;
  return block;
}

}  // namespace dovetail::mda
