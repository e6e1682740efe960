// Plain text and plain or salted digests: {PLAIN}, {SHA*}, {SSHA*}, {SMD5}, {PLAIN-MD5},
// {LDAP-MD5}. SPDX-License-Identifier: Apache-2.0
#include <openssl/evp.h>

#include "authd/scheme/message_digest.h"
#include "authd/scheme/scheme.h"
#include "common/base/random.h"
#include "common/base/text.h"

namespace dovetail::authd {

namespace {

constexpr size_t kSaltLength = 4;

std::string evp_digest(const EVP_MD* kind, std::string_view a, std::string_view b = {}) {
  std::string digest(static_cast<size_t>(EVP_MD_size(kind)), '\0');
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_DigestInit_ex(context, kind, nullptr);
  EVP_DigestUpdate(context, a.data(), a.size());
  EVP_DigestUpdate(context, b.data(), b.size());
  EVP_DigestFinal_ex(context, reinterpret_cast<unsigned char*>(digest.data()), nullptr);
  EVP_MD_CTX_free(context);
  return digest;
}

std::string salted_digest(const EVP_MD* kind, const Attempt& attempt) {
  const std::string salt = base::random_bytes(kSaltLength);
  return evp_digest(kind, attempt.plaintext.reveal(), salt) + salt;
}

Result<bool> verify_salted(const EVP_MD* kind, std::string_view name, const Attempt& attempt,
                           std::string_view raw) {
  const auto length = static_cast<size_t>(EVP_MD_size(kind));
  if (raw.size() <= length) return permanent(format("{} password is too short", name));
  const std::string digest = evp_digest(kind, attempt.plaintext.reveal(), raw.substr(length));
  return base::equal_constant_time(digest, raw.substr(0, length));
}

}  // namespace

Result<std::string> generate_plain(const Attempt& attempt) {
  return std::string(attempt.plaintext.reveal());
}

// "LENGTH-text": a store that cut passwords off at LENGTH accepts whatever begins the same.
Result<bool> verify_plain_trunc(const Attempt& attempt, std::string_view raw) {
  auto [number, text] = base::cut(raw, '-');
  const auto length = base::parse_number<size_t>(number);
  if (!length || !text) return permanent("PLAIN-TRUNC missing length: prefix");
  auto plaintext = attempt.plaintext.reveal();
  if (text->size() == *length && plaintext.size() > *length)
    plaintext = plaintext.substr(0, *length);
  return base::equal_constant_time(plaintext, *text);
}

Result<std::string> generate_plain_md4(const Attempt& attempt) {
  return md4(attempt.plaintext.reveal());
}
Result<std::string> generate_plain_md5(const Attempt& attempt) {
  return md5(attempt.plaintext.reveal());
}
Result<std::string> generate_sha1(const Attempt& attempt) {
  return evp_digest(EVP_sha1(), attempt.plaintext.reveal());
}
Result<std::string> generate_sha256(const Attempt& attempt) {
  return evp_digest(EVP_sha256(), attempt.plaintext.reveal());
}
Result<std::string> generate_sha512(const Attempt& attempt) {
  return evp_digest(EVP_sha512(), attempt.plaintext.reveal());
}

// MD5 by hand, not EVP: a host in FIPS mode has no MD5, and its passdb still does.
Result<std::string> generate_smd5(const Attempt& attempt) {
  const std::string salt = base::random_bytes(kSaltLength);
  return md5(std::string(attempt.plaintext.reveal()) + salt) + salt;
}

Result<bool> verify_smd5(const Attempt& attempt, std::string_view raw) {
  if (raw.size() <= 16) return permanent("SMD5 password is too short");
  const std::string digest = md5(std::string(attempt.plaintext.reveal()).append(raw.substr(16)));
  return base::equal_constant_time(digest, raw.substr(0, 16));
}

Result<std::string> generate_ssha(const Attempt& attempt) {
  return salted_digest(EVP_sha1(), attempt);
}
Result<std::string> generate_ssha256(const Attempt& attempt) {
  return salted_digest(EVP_sha256(), attempt);
}
Result<std::string> generate_ssha512(const Attempt& attempt) {
  return salted_digest(EVP_sha512(), attempt);
}
Result<bool> verify_ssha(const Attempt& attempt, std::string_view raw) {
  return verify_salted(EVP_sha1(), "SSHA", attempt, raw);
}
Result<bool> verify_ssha256(const Attempt& attempt, std::string_view raw) {
  return verify_salted(EVP_sha256(), "SSHA256", attempt, raw);
}
Result<bool> verify_ssha512(const Attempt& attempt, std::string_view raw) {
  return verify_salted(EVP_sha512(), "SSHA512", attempt, raw);
}

}  // namespace dovetail::authd
