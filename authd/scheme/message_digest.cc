// See message_digest.h.
// SPDX-License-Identifier: Apache-2.0
#include "authd/scheme/message_digest.h"

#include <bit>
#include <cmath>
#include <cstring>

namespace dovetail::authd {

namespace {

using BlockFunction = void (*)(DigestState&, const unsigned char*);

std::array<uint32_t, 16> block_words(const unsigned char* block) {
  std::array<uint32_t, 16> words{};
  for (size_t i = 0; i < 64; ++i) words[i / 4] |= static_cast<uint32_t>(block[i]) << (8 * (i % 4));
  return words;
}

// RFC 1321 3.4: T[i] is the integer part of 2^32 * |sin(i + 1)|.
const std::array<uint32_t, 64>& md5_sines() {
  static const auto sines = [] {
    std::array<uint32_t, 64> table{};
    for (size_t i = 0; i < 64; ++i) {
      table[i] = static_cast<uint32_t>(
          std::floor(std::fabs(std::sin(static_cast<double>(i + 1))) * 4294967296.0));
    }
    return table;
  }();
  return sines;
}

std::string finish_digest(BlockFunction block, DigestState state, std::string_view text,
                          uint64_t before) {
  std::string padded(text);
  padded += '\x80';
  padded.append((120 - padded.size() % 64) % 64, '\0');
  const uint64_t bits = (before + text.size()) * 8;
  for (unsigned i = 0; i < 8; ++i) padded += static_cast<char>(bits >> (8 * i));
  for (size_t at = 0; at < padded.size(); at += 64) {
    block(state, reinterpret_cast<const unsigned char*>(padded.data() + at));
  }
  std::memset(padded.data(), 0, padded.size());
  return state_bytes(state);
}

}  // namespace

void md4_block(DigestState& state, const unsigned char* block) {
  static constexpr int shifts[3][4] = {{3, 7, 11, 19}, {3, 5, 9, 13}, {3, 9, 11, 15}};
  static constexpr int third[16] = {0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15};
  const auto words = block_words(block);
  auto [a, b, c, d] = state;
  for (int i = 0; i < 48; ++i) {
    uint32_t mixed = 0;
    if (i < 16) {
      mixed = ((b & c) | (~b & d)) + words[static_cast<size_t>(i)];
    } else if (i < 32) {
      mixed = ((b & c) | (b & d) | (c & d)) +
              words[static_cast<size_t>((i % 4) * 4 + (i - 16) / 4)] + 0x5a827999;
    } else {
      mixed = (b ^ c ^ d) + words[static_cast<size_t>(third[i - 32])] + 0x6ed9eba1;
    }
    const uint32_t turned = std::rotl(a + mixed, shifts[i / 16][i % 4]);
    a = d, d = c, c = b, b = turned;
  }
  state = {state[0] + a, state[1] + b, state[2] + c, state[3] + d};
}

void md5_block(DigestState& state, const unsigned char* block) {
  static constexpr int shifts[4][4] = {
      {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
  const auto words = block_words(block);
  const auto& sines = md5_sines();
  auto [a, b, c, d] = state;
  for (unsigned i = 0; i < 64; ++i) {
    uint32_t mixed = 0;
    unsigned word = 0;
    switch (i / 16) {
      case 0:
        mixed = (b & c) | (~b & d), word = i;
        break;
      case 1:
        mixed = (d & b) | (~d & c), word = (5 * i + 1) % 16;
        break;
      case 2:
        mixed = b ^ c ^ d, word = (3 * i + 5) % 16;
        break;
      default:
        mixed = c ^ (b | ~d), word = (7 * i) % 16;
        break;
    }
    const uint32_t turned =
        b + std::rotl(a + mixed + sines[i] + words[word], shifts[i / 16][i % 4]);
    a = d, d = c, c = b, b = turned;
  }
  state = {state[0] + a, state[1] + b, state[2] + c, state[3] + d};
}

std::string md4(std::string_view text) {
  return finish_digest(md4_block, kDigestStart, text, 0);
}
std::string md5(std::string_view text) {
  return finish_digest(md5_block, kDigestStart, text, 0);
}

std::string md5_finish(DigestState state, std::string_view text, uint64_t before) {
  return finish_digest(md5_block, state, text, before);
}

std::string state_bytes(const DigestState& state) {
  std::string bytes;
  for (uint32_t word : state) {
    for (int i = 0; i < 4; ++i) bytes += static_cast<char>(word >> (8 * i));
  }
  return bytes;
}

}  // namespace dovetail::authd
