// Numbers and hash of cdb files, for reader and writer.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dovetail::lookup {

inline constexpr size_t kCdbHeader = 2048;

inline uint32_t cdb_hash(std::string_view key) {
  uint32_t hash = 5381;
  for (char c : key) hash = (hash * 33) ^ static_cast<unsigned char>(c);
  return hash;
}

inline void cdb_put(std::string& bytes, size_t at, uint32_t number) {
  for (int byte = 0; byte < 4; ++byte)
    bytes[at + static_cast<size_t>(byte)] = static_cast<char>(number >> (8 * byte));
}

inline void cdb_append(std::string& bytes, uint32_t number) {
  bytes.resize(bytes.size() + 4);
  cdb_put(bytes, bytes.size() - 4, number);
}

inline uint32_t cdb_number(std::string_view bytes, size_t at) {
  uint32_t number = 0;
  for (int byte = 3; byte >= 0; --byte) {
    number = number << 8 | static_cast<unsigned char>(bytes[at + static_cast<size_t>(byte)]);
  }
  return number;
}

}  // namespace dovetail::lookup
