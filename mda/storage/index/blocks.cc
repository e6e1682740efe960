// See blocks.h.
// SPDX-License-Identifier: Apache-2.0
#include "mda/storage/index/blocks.h"

#include <array>

namespace dovetail::mda {

namespace {

// Eight tables: eight octets at a time.
using Crc32cTables = std::array<std::array<uint32_t, 256>, 8>;

constexpr Crc32cTables make_crc32c_tables() {
  Crc32cTables tables{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value & 1) ? (value >> 1) ^ 0x82F63B78u : value >> 1;
    tables[0][i] = value;
  }
  for (size_t table = 1; table < 8; ++table) {
    for (size_t i = 0; i < 256; ++i) {
      uint32_t before = tables[table - 1][i];
      tables[table][i] = (before >> 8) ^ tables[0][before & 0xff];
    }
  }
  return tables;
}
constexpr Crc32cTables crc32c_tables = make_crc32c_tables();

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  uint32_t crc = 0xFFFFFFFFu;
  auto octet = [&](size_t i) {
    return static_cast<uint32_t>(static_cast<unsigned char>(bytes[i]));
  };
  while (bytes.size() >= 8) {
    uint32_t low = crc ^ (octet(0) | octet(1) << 8 | octet(2) << 16 | octet(3) << 24);
    crc = crc32c_tables[7][low & 0xff] ^ crc32c_tables[6][low >> 8 & 0xff] ^
          crc32c_tables[5][low >> 16 & 0xff] ^ crc32c_tables[4][low >> 24] ^
          crc32c_tables[3][octet(4)] ^ crc32c_tables[2][octet(5)] ^ crc32c_tables[1][octet(6)] ^
          crc32c_tables[0][octet(7)];
    bytes.remove_prefix(8);
  }
  for (char c : bytes)
    crc = crc32c_tables[0][(crc ^ static_cast<unsigned char>(c)) & 0xff] ^ (crc >> 8);
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
