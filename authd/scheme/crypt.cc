// The schemes of crypt(3), done by libxcrypt.
// SPDX-License-Identifier: Apache-2.0
#include <crypt.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "authd/scheme/message_digest.h"
#include "authd/scheme/scheme.h"
#include "common/base/random.h"
#include "common/base/text.h"

namespace dovetail::authd {

namespace {

struct CryptWiper {
  void operator()(crypt_data* data) const {
    explicit_bzero(data, sizeof(crypt_data));
    std::default_delete<crypt_data>()(data);
  }
};
using CryptData =
    std::unique_ptr<crypt_data, CryptWiper>;  // 32 KiB: not for the stack of a pool thread

Result<std::string> run_crypt(const Secret& plaintext, std::string_view setting) {
  const Secret text(plaintext.reveal());
  const std::string salt(setting);
  // crypt(3) takes C strings: what stands behind a NUL would not count.
  if (text.reveal().find('\0') != std::string_view::npos)
    return permanent("password has a NUL character");
  CryptData data(std::make_unique<crypt_data>().release());
  const char* hash = crypt_r(text.reveal().data(), salt.c_str(), data.get());
  if (!hash || hash[0] == '*') return permanent("crypt() failed: Invalid argument");
  return std::string(hash);
}

Result<std::string> sha_crypt(const Attempt& attempt, std::string_view prefix) {
  std::string setting(prefix);
  if (attempt.rounds != 0)
    setting += format("rounds={}$", std::clamp(attempt.rounds, 1000U, 999999999U));
  setting += crypt_salt(16) + "$";
  return run_crypt(attempt.plaintext, setting);
}

}  // namespace

std::string crypt_salt(size_t length) {
  static constexpr std::string_view characters =
      "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::string salt = base::random_bytes(length);
  for (char& c : salt) c = characters[static_cast<unsigned char>(c) % 64];
  return salt;
}

Result<bool> verify_crypt(const Attempt& attempt, std::string_view raw) {
  if (raw.empty()) return false;  // an empty hash must not match anything
  auto hash = run_crypt(attempt.plaintext, raw);
  // A hash libxcrypt refuses is a password nobody has: the incumbent says mismatch too.
  if (!hash) return false;
  return base::equal_constant_time(*hash, raw);
}

Result<std::string> generate_bcrypt(const Attempt& attempt) {
  const unsigned rounds = attempt.rounds == 0 ? 5 : std::clamp(attempt.rounds, 4U, 31U);
  char setting[CRYPT_GENSALT_OUTPUT_SIZE];
  const std::string random = base::random_bytes(16);
  if (!crypt_gensalt_rn("$2y$", rounds, random.data(), 16, setting, sizeof(setting))) {
    return permanent("crypt() failed: Invalid argument");
  }
  return run_crypt(attempt.plaintext, setting);
}

Result<std::string> generate_des_crypt(const Attempt& attempt) {
  return run_crypt(attempt.plaintext, crypt_salt(2));
}
Result<std::string> generate_sha256_crypt(const Attempt& attempt) {
  return sha_crypt(attempt, "$5$");
}
Result<std::string> generate_sha512_crypt(const Attempt& attempt) {
  return sha_crypt(attempt, "$6$");
}

Result<std::string> generate_md5_crypt(const Attempt& attempt) {
  return run_crypt(attempt.plaintext, format("$1${}$", crypt_salt(8)));
}

// Old passdbs hold both kinds under the name MD5.
Result<bool> verify_md5_crypt(const Attempt& attempt, std::string_view raw) {
  if (raw.starts_with("$1$")) return verify_crypt(attempt, raw);
  const auto digest = base::unhex(raw);
  if (!digest || digest->size() != 16)
    return permanent("Not a valid MD5-CRYPT or PLAIN-MD5 password");
  return base::equal_constant_time(md5(attempt.plaintext.reveal()), *digest);
}

}  // namespace dovetail::authd
