// Hashes of % variables.
// SPDX-License-Identifier: Apache-2.0
#include "conf/dovecot/variables_hash.h"

#include <openssl/evp.h>

#include <algorithm>

#include "common/base/text.h"

namespace dovetail::conf::dovecot {

namespace {

constexpr unsigned kMaxRounds = 100000;

struct HashOptions {
  unsigned rounds = 1;
  unsigned truncate_bits = 0;
  std::string salt;
  std::string form = "hex";
};

std::optional<HashOptions> read_hash_options(std::string_view arguments) {
  HashOptions options;
  for (auto argument : base::split(arguments, ',')) {
    if (argument.empty()) continue;
    auto [key, value] = base::cut(argument, '=');
    if (!value) return std::nullopt;
    if (key == "rounds") {
      options.rounds = std::clamp(base::parse_number<unsigned>(*value).value_or(1), 1u, kMaxRounds);
    } else if (key == "truncate") {
      options.truncate_bits = base::parse_number<unsigned>(*value).value_or(0);
    } else if (key == "salt") {
      options.salt = *value;
    } else if (key == "format") {
      options.form = *value;
    } else {
      return std::nullopt;
    }
  }
  return options;
}

// Keeps the first bits and shifts them to the right end of the last byte.
void truncate_bits(std::string& bytes, unsigned bits) {
  std::size_t size = (bits + 7) / 8;
  if (bits == 0 || size > bytes.size()) return;
  bytes.resize(size);
  unsigned shift = bits % 8 == 0 ? 0 : 8 - bits % 8;
  unsigned carry = 0;
  for (auto& byte : bytes) {
    auto value = carry << 8 | static_cast<unsigned char>(byte);
    byte = static_cast<char>(value >> shift & 0xff);
    carry = value;
  }
}

const EVP_MD* method_named(std::string_view method) {
  constexpr std::string_view kMethods[] = {"md4", "md5", "sha1", "sha256", "sha384", "sha512"};
  if (std::find(std::begin(kMethods), std::end(kMethods), method) == std::end(kMethods))
    return nullptr;
  return EVP_get_digestbyname(std::string(method).c_str());
}

}  // namespace

std::uint32_t string_hash(std::string_view text) {
  std::uint32_t hash = 0;
  for (char c : text) {
    // The incumbent's characters are signed here.
    hash = (hash << 4) + static_cast<std::uint32_t>(static_cast<signed char>(c));
    std::uint32_t high = hash & 0xf0000000U;
    if (high != 0) hash = (hash ^ (high >> 24)) ^ high;
  }
  return hash;
}

std::uint32_t string_newhash(std::string_view text) {
  auto digest = digest_of("md5", text).value_or(std::string(8, '\0'));
  std::uint32_t value = 0;
  for (std::size_t at = 4; at < 8; ++at)
    value = value << 8 | static_cast<unsigned char>(digest[at]);
  return value;
}

std::optional<std::string> digest_of(std::string_view method, std::string_view text) {
  auto known = method_named(method);
  if (!known) return std::nullopt;
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), bytes, &size, known, nullptr) != 1) return std::nullopt;
  return std::string(bytes, bytes + size);
}

std::optional<std::string> hash_variable(std::string_view method, std::string_view arguments,
                                         std::string_view text) {
  auto options = read_hash_options(arguments);
  if (!options) return std::nullopt;
  std::string digest(text);
  for (unsigned round = 0; round < options->rounds; ++round) {
    auto next = digest_of(method, options->salt + digest);
    if (!next) return std::nullopt;
    digest = std::move(*next);
  }
  truncate_bits(digest, options->truncate_bits);
  return options->form == "base64" ? base::base64(digest) : base::hex(digest);
}

}  // namespace dovetail::conf::dovecot
