// Hashes of % variables: the modifiers %H, %N, %M and the long forms %{sha1;rounds=2,salt=x:user}.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dovetail::conf::dovecot {

std::uint32_t string_hash(
    std::string_view text);  // %H: the shift-and-fold hash of compilers' books
std::uint32_t string_newhash(std::string_view text);  // %N: bytes 4 to 7 of MD5
// The bytes; nullopt if the method is unknown (or the TLS library lacks it).
std::optional<std::string> digest_of(std::string_view method, std::string_view text);
// arguments: rounds=N,salt=X,truncate=BITS,format=hex|base64
std::optional<std::string> hash_variable(std::string_view method, std::string_view arguments,
                                         std::string_view text);

}  // namespace dovetail::conf::dovecot
