// Blocks of the index file: numbers in little endian, columns one after the other, a CRC-32C over each block.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace dovetail::mda {

uint32_t crc32c(std::string_view bytes);

template <class T>
void put_number(std::string& out, T value) {
  auto bits = static_cast<std::make_unsigned_t<T>>(value);
  for (size_t i = 0; i < sizeof(T); ++i)
    out += static_cast<char>(static_cast<uint64_t>(bits) >> (8 * i) & 0xff);
}

// Reads numbers one after the other; beyond the end everything is 0 and bad() says so.
class NumberReader {
 public:
  explicit NumberReader(std::string_view bytes) : bytes_(bytes) {}
  template <class T>
  T get() {
    if (bytes_.size() - at_ < sizeof(T)) {
      bad_ = true;
      return 0;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < sizeof(T); ++i) {
      value |= static_cast<uint64_t>(static_cast<unsigned char>(bytes_[at_ + i])) << (8 * i);
    }
    at_ += sizeof(T);
    return static_cast<T>(value);
  }
  std::string_view text(size_t length) {
    if (bytes_.size() - at_ < length) {
      bad_ = true;
      return {};
    }
    at_ += length;
    return bytes_.substr(at_ - length, length);
  }
  bool bad() const { return bad_; }
  size_t left() const { return bytes_.size() - at_; }

 private:
  std::string_view bytes_;
  size_t at_ = 0;
  bool bad_ = false;
};

inline constexpr size_t kBlockHead = 12;  // crc, type, length

std::string make_block(uint32_t type, std::string_view body);
struct Block {
  uint32_t type = 0;
  std::string_view body;
  size_t length = 0;  // with its head
};
// The block at the start of the bytes. nullopt: incomplete or damaged; `torn` tells which.
std::optional<Block> read_block(std::string_view bytes, bool& torn);

}  // namespace dovetail::mda
