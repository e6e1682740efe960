// {ARGON2I} and {ARGON2ID} (RFC 9106) by libsodium. Built only where libsodium is.
// SPDX-License-Identifier: Apache-2.0
#ifdef DOVETAIL_SODIUM

#include <sodium.h>

#include "authd/scheme/scheme.h"

namespace dovetail::authd {

namespace {

struct ArgonMemory {
  size_t interactive, moderate, sensitive;
};
constexpr ArgonMemory kArgon2iMemory = {crypto_pwhash_argon2i_MEMLIMIT_INTERACTIVE,
                                        crypto_pwhash_argon2i_MEMLIMIT_MODERATE,
                                        crypto_pwhash_argon2i_MEMLIMIT_SENSITIVE};
constexpr ArgonMemory kArgon2idMemory = {crypto_pwhash_argon2id_MEMLIMIT_INTERACTIVE,
                                         crypto_pwhash_argon2id_MEMLIMIT_MODERATE,
                                         crypto_pwhash_argon2id_MEMLIMIT_SENSITIVE};

// More rounds mean more memory too, in libsodium's three steps.
Result<std::string> argon2(const Attempt& attempt, int algorithm, unsigned default_rounds,
                           const ArgonMemory& memory) {
  if (sodium_init() < 0) return temporary("libsodium is not usable");
  const unsigned rounds = attempt.rounds == 0 ? default_rounds : attempt.rounds;
  const size_t limit = rounds >= 8   ? memory.sensitive
                       : rounds >= 6 ? memory.moderate
                                     : memory.interactive;
  const auto text = attempt.plaintext.reveal();
  char hash[crypto_pwhash_STRBYTES];
  if (crypto_pwhash_str_alg(hash, text.data(), text.size(), rounds, limit, algorithm) != 0) {
    return temporary("crypto_pwhash_str_alg() failed: not enough memory, or too few rounds");
  }
  return std::string(hash);
}

}  // namespace

Result<std::string> generate_argon2i(const Attempt& attempt) {
  return argon2(attempt, crypto_pwhash_ALG_ARGON2I13, 4, kArgon2iMemory);
}
Result<std::string> generate_argon2id(const Attempt& attempt) {
  return argon2(attempt, crypto_pwhash_ALG_ARGON2ID13, 3, kArgon2idMemory);
}

Result<bool> verify_argon2(const Attempt& attempt, std::string_view raw) {
  if (sodium_init() < 0) return temporary("libsodium is not usable");
  const std::string hash(raw);
  const auto text = attempt.plaintext.reveal();
  if (hash.find('\0') != hash.npos || hash.size() >= crypto_pwhash_STRBYTES)
    return permanent("Invalid ARGON2 hash");
  return crypto_pwhash_str_verify(hash.c_str(), text.data(), text.size()) == 0;
}

}  // namespace dovetail::authd

#endif
