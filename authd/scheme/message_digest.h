// MD4 and MD5 (RFC 1320, 1321) with their inner state in the open: {CRAM-MD5} stores half-finished
// MD5 states, and MD4 has left OpenSSL's default provider. Only for password schemes that are
// stored already; nothing new should use them. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace dovetail::authd {

using DigestState = std::array<uint32_t, 4>;
inline constexpr DigestState kDigestStart = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};

// One block of 64 bytes.
void md4_block(DigestState& state, const unsigned char* block);
void md5_block(DigestState& state, const unsigned char* block);

// 16 bytes.
std::string md4(std::string_view text);
std::string md5(std::string_view text);
// The rest of an MD5 whose first `before` bytes (a multiple of 64) gave this state.
std::string md5_finish(DigestState state, std::string_view text, uint64_t before);
std::string state_bytes(const DigestState& state);  // little endian, as stored

}  // namespace dovetail::authd
