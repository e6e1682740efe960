// Password schemes: {SCHEME[.encoding]}data as it stands in a passdb. Names are case-insensitive,
// the data is text, hex or base64 by scheme unless .hex, .b64 or .base64 says otherwise. Everything
// here is CPU work without state: the daemon runs it on a pool (crypt(3) takes milliseconds on
// purpose), doveadm pw directly.
//
// All comparing of secrets is in constant time. Which scheme a mechanism can use is the mechanism's
// knowledge. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/secret.h"

namespace dovetail::authd {

// Who gives which password; user matters to DIGEST-MD5 only, rounds (0: the scheme's default) when
// generating only.
struct Attempt {
  Secret plaintext;
  std::string user;
  unsigned rounds = 0;
};

enum class Encoding { none, hex, base64 };

struct Scheme {
  std::string_view name;
  Encoding encoding = Encoding::none;
  size_t raw_length = 0;  // of the decoded data; 0: any
  Result<bool> (*verify)(const Attempt&, std::string_view raw);
  Result<std::string> (*generate)(const Attempt&);  // raw data
};

// {scheme, data}; scheme is empty when the text names none. "$1$salt$hash" names MD5-CRYPT by
// itself.
struct StoredPassword {
  std::string scheme;
  Secret data;
};
StoredPassword split_scheme(std::string_view stored);

enum class Verdict { match, mismatch, unknown_scheme, invalid };
struct Verification {
  Verdict verdict = Verdict::mismatch;
  std::string error;         // invalid: what is wrong with the stored data; never the data
  bool not_decoded = false;  // invalid: the encoding, not the content
};

// Whether the plaintext is the password that was stored so.
Verification verify_password(const Attempt& attempt, const StoredPassword& stored);
// "{NAME}data" without the prefix; an Error for an unknown scheme ("Unknown scheme: X") or what it
// cannot do.
Result<std::string> generate_password(const Attempt& attempt, std::string_view scheme);
// nullptr if there is no such scheme here; an encoding suffix is allowed.
const Scheme* find_scheme(std::string_view name);
// In the order doveadm pw -l prints them.
std::vector<std::string_view> scheme_names();

// --- the families, one file each
Result<bool> verify_crypt(const Attempt&, std::string_view raw);
Result<std::string> generate_bcrypt(const Attempt&);
Result<std::string> generate_des_crypt(const Attempt&);
Result<std::string> generate_md5_crypt(const Attempt&);
Result<std::string> generate_sha256_crypt(const Attempt&);
Result<std::string> generate_sha512_crypt(const Attempt&);
Result<bool> verify_md5_crypt(const Attempt&, std::string_view raw);

Result<std::string> generate_plain(const Attempt&);
Result<bool> verify_plain_trunc(const Attempt&, std::string_view raw);
Result<std::string> generate_plain_md4(const Attempt&);
Result<std::string> generate_plain_md5(const Attempt&);
Result<std::string> generate_sha1(const Attempt&);
Result<std::string> generate_sha256(const Attempt&);
Result<std::string> generate_sha512(const Attempt&);
Result<std::string> generate_smd5(const Attempt&);
Result<bool> verify_smd5(const Attempt&, std::string_view raw);
Result<std::string> generate_ssha(const Attempt&);
Result<bool> verify_ssha(const Attempt&, std::string_view raw);
Result<std::string> generate_ssha256(const Attempt&);
Result<bool> verify_ssha256(const Attempt&, std::string_view raw);
Result<std::string> generate_ssha512(const Attempt&);
Result<bool> verify_ssha512(const Attempt&, std::string_view raw);

Result<std::string> generate_cram_md5(const Attempt&);
Result<std::string> generate_digest_md5(const Attempt&);
Result<std::string> generate_scram_sha1(const Attempt&);
Result<bool> verify_scram_sha1(const Attempt&, std::string_view raw);
Result<std::string> generate_scram_sha256(const Attempt&);
Result<bool> verify_scram_sha256(const Attempt&, std::string_view raw);
Result<std::string> generate_pbkdf2(const Attempt&);
Result<bool> verify_pbkdf2(const Attempt&, std::string_view raw);
Result<std::string> generate_otp(const Attempt&);
Result<bool> verify_otp(const Attempt&, std::string_view raw);

Result<std::string> generate_argon2i(const Attempt&);
Result<std::string> generate_argon2id(const Attempt&);
Result<bool> verify_argon2(const Attempt&, std::string_view raw);

// Characters of crypt(3)'s own base64, for salts.
std::string crypt_salt(size_t length);

}  // namespace dovetail::authd
