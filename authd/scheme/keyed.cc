// Schemes that store what a challenge-response mechanism needs: {CRAM-MD5} (RFC 2195), {DIGEST-MD5}
// (RFC 2831), {SCRAM-*} (RFC 5802), {OTP} (RFC 2289), and {PBKDF2} (RFC 8018). PLAIN and LOGIN
// check against them too. SPDX-License-Identifier: Apache-2.0
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "authd/scheme/message_digest.h"
#include "authd/scheme/scheme.h"
#include "common/base/random.h"
#include "common/base/text.h"

namespace dovetail::authd {

namespace {

constexpr int kScramRounds = 4096;
constexpr int kPbkdf2Rounds = 5000;
constexpr unsigned kOtpSequence = 1024;
// A stored hash may ask for any amount of work; this is where we stop believing it.
constexpr unsigned kMaxRounds = 100'000'000;

unsigned char* writable_bytes(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}
const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string keyed_hmac(const EVP_MD* kind, std::string_view key, std::string_view text) {
  std::string out(static_cast<size_t>(EVP_MD_size(kind)), '\0');
  HMAC(kind, key.data(), static_cast<int>(key.size()), bytes_of(text), text.size(),
       writable_bytes(out), nullptr);
  return out;
}

std::string plain_digest(const EVP_MD* kind, std::string_view text) {
  std::string out(static_cast<size_t>(EVP_MD_size(kind)), '\0');
  EVP_Digest(text.data(), text.size(), writable_bytes(out), nullptr, kind, nullptr);
  return out;
}

std::string pbkdf2_key(const EVP_MD* kind, std::string_view password, std::string_view salt,
                       int rounds) {
  std::string out(static_cast<size_t>(EVP_MD_size(kind)), '\0');
  PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), bytes_of(salt),
                    static_cast<int>(salt.size()), rounds, kind, static_cast<int>(out.size()),
                    writable_bytes(out));
  return out;
}

// iterations,salt,StoredKey,ServerKey
std::string scram_record(const EVP_MD* kind, const Attempt& attempt, int rounds,
                         const std::string& salt) {
  const std::string salted = pbkdf2_key(kind, attempt.plaintext.reveal(), salt, rounds);
  const std::string stored = plain_digest(kind, keyed_hmac(kind, salted, "Client Key"));
  const std::string server = keyed_hmac(kind, salted, "Server Key");
  return format("{},{},{},{}", rounds, base::base64(salt), base::base64(stored),
                base::base64(server));
}

std::string new_scram(const EVP_MD* kind, const Attempt& attempt) {
  const int rounds = attempt.rounds == 0 ? kScramRounds : static_cast<int>(attempt.rounds);
  return scram_record(kind, attempt, rounds, base::random_bytes(16));
}

Result<bool> verify_scram(const EVP_MD* kind, std::string_view name, const Attempt& attempt,
                          std::string_view raw) {
  const auto parts = base::split(raw, ',');
  const auto rounds = base::parse_number<unsigned>(parts[0]);
  const auto salt = parts.size() == 4 ? base::unbase64(parts[1]) : std::nullopt;
  if (!rounds || *rounds == 0 || *rounds > kMaxRounds || !salt) {
    return permanent(format("Invalid {} passdb entry", name));
  }
  return base::equal_constant_time(scram_record(kind, attempt, static_cast<int>(*rounds), *salt),
                                   raw);
}

// RFC 2289 Appendix A: every hash is folded to 64 bits.
std::string otp_fold(std::string_view algorithm, std::string_view text) {
  std::string hash = algorithm == "md4"   ? md4(text)
                     : algorithm == "md5" ? md5(text)
                                          : plain_digest(EVP_sha1(), text);
  std::string folded(8, '\0');
  for (size_t i = 0; i < hash.size(); ++i)
    folded[i % 8] = static_cast<char>(folded[i % 8] ^ hash[i]);
  if (algorithm != "sha1") return folded;
  // SHA-1 works on big-endian words, OTP on little-endian ones.
  for (size_t word = 0; word < 8; word += 4) {
    std::swap(folded[word], folded[word + 3]);
    std::swap(folded[word + 1], folded[word + 2]);
  }
  return folded;
}

std::string otp_chain(std::string_view algorithm, unsigned count, std::string_view seed,
                      std::string_view password) {
  std::string hash = otp_fold(algorithm, std::string(seed).append(password));
  for (unsigned i = 0; i < count; ++i) hash = otp_fold(algorithm, hash);
  return base::hex(hash);
}

}  // namespace

// The MD5 states after the outer and inner key block of HMAC (RFC 2104), as RFC 2195 lets a server
// keep them.
Result<std::string> generate_cram_md5(const Attempt& attempt) {
  std::string key(attempt.plaintext.reveal());
  if (key.size() > 64) key = md5(key);
  key.resize(64, '\0');
  std::string outer = key, inner = key;
  for (char& c : outer) c = static_cast<char>(c ^ 0x5c);
  for (char& c : inner) c = static_cast<char>(c ^ 0x36);
  DigestState outer_state = kDigestStart, inner_state = kDigestStart;
  md5_block(outer_state, bytes_of(outer));
  md5_block(inner_state, bytes_of(inner));
  base::wipe(key), base::wipe(outer), base::wipe(inner);
  return state_bytes(outer_state) + state_bytes(inner_state);
}

Result<std::string> generate_digest_md5(const Attempt& attempt) {
  if (attempt.user.empty()) return permanent("digest_md5_generate(): username not given");
  auto [user, realm] = base::cut_last(attempt.user, '@');
  std::string text = format("{}:{}:", user, realm.value_or(""));
  text += attempt.plaintext.reveal();
  std::string digest = md5(text);
  base::wipe(text);
  return digest;
}

Result<std::string> generate_scram_sha1(const Attempt& attempt) {
  return new_scram(EVP_sha1(), attempt);
}
Result<std::string> generate_scram_sha256(const Attempt& attempt) {
  return new_scram(EVP_sha256(), attempt);
}
Result<bool> verify_scram_sha1(const Attempt& attempt, std::string_view raw) {
  return verify_scram(EVP_sha1(), "SCRAM-SHA-1", attempt, raw);
}
Result<bool> verify_scram_sha256(const Attempt& attempt, std::string_view raw) {
  return verify_scram(EVP_sha256(), "SCRAM-SHA-256", attempt, raw);
}

// $1$salt$rounds$hex of 20 bytes; the salt counts as the text it is.
Result<std::string> generate_pbkdf2(const Attempt& attempt) {
  const int rounds = attempt.rounds == 0 ? kPbkdf2Rounds : static_cast<int>(attempt.rounds);
  const std::string salt = crypt_salt(16);
  const std::string key = pbkdf2_key(EVP_sha1(), attempt.plaintext.reveal(), salt, rounds);
  return format("$1${}${}${}", salt, rounds, base::hex(key));
}

Result<bool> verify_pbkdf2(const Attempt& attempt, std::string_view raw) {
  const auto parts = base::split(raw, '$');
  const auto rounds = parts.size() == 5 ? base::parse_number<unsigned>(parts[3]) : std::nullopt;
  const auto stored = parts.size() == 5 ? base::unhex(parts[4]) : std::nullopt;
  if (!rounds || *rounds == 0 || *rounds > kMaxRounds || !stored || parts[1] != "1") {
    return permanent("Invalid PBKDF2 hash");
  }
  const auto key =
      pbkdf2_key(EVP_sha1(), attempt.plaintext.reveal(), parts[2], static_cast<int>(*rounds));
  return base::equal_constant_time(key, *stored);
}

Result<std::string> generate_otp(const Attempt& attempt) {
  const std::string seed = base::random_hex(16);
  return format("sha1 {} {} {}", kOtpSequence, seed,
                otp_chain("sha1", kOtpSequence, seed, attempt.plaintext.reveal()));
}

Result<bool> verify_otp(const Attempt& attempt, std::string_view raw) {
  const auto parts = base::words(raw, " ");
  const auto count = parts.size() == 4 ? base::parse_number<unsigned>(parts[1]) : std::nullopt;
  if (!count || *count > 9999 || (parts[0] != "sha1" && parts[0] != "md5" && parts[0] != "md4")) {
    return permanent("Invalid OTP data in passdb");
  }
  const auto hash = otp_chain(parts[0], *count, base::lower(parts[2]), attempt.plaintext.reveal());
  return base::equal_constant_time(hash, base::lower(parts[3]));
}

}  // namespace dovetail::authd
