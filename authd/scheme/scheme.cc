// The table of schemes, and what all of them share: prefix, encoding, comparing.
// SPDX-License-Identifier: Apache-2.0
#include "authd/scheme/scheme.h"

#include "common/base/text.h"

namespace dovetail::authd {

namespace {

constexpr auto none = Encoding::none;
constexpr auto hex = Encoding::hex;
constexpr auto base64 = Encoding::base64;

// verify == nullptr: the data is what generate() makes, there is no salt in it.
// clang-format off
constexpr Scheme schemes[] = {
    // name         encoding length  verify               generate
    {"SHA1",          base64, 20, nullptr,             generate_sha1},
    {"SSHA512",       base64,  0, verify_ssha512,      generate_ssha512},
    {"SCRAM-SHA-256", none,    0, verify_scram_sha256, generate_scram_sha256},
    {"BLF-CRYPT",     none,    0, verify_crypt,        generate_bcrypt},
    {"PLAIN",         none,    0, nullptr,             generate_plain},
    {"HMAC-MD5",      hex,    32, nullptr,             generate_cram_md5},
    {"OTP",           none,    0, verify_otp,          generate_otp},
    {"SHA512",        base64, 64, nullptr,             generate_sha512},
    {"SHA",           base64, 20, nullptr,             generate_sha1},
    {"DES-CRYPT",     none,    0, verify_crypt,        generate_des_crypt},
    {"CRYPT",         none,    0, verify_crypt,        generate_bcrypt},
    {"SSHA",          base64,  0, verify_ssha,         generate_ssha},
    {"MD5-CRYPT",     none,    0, verify_md5_crypt,    generate_md5_crypt},
    {"PLAIN-MD4",     hex,    16, nullptr,             generate_plain_md4},
    {"PLAIN-MD5",     hex,    16, nullptr,             generate_plain_md5},
    {"SCRAM-SHA-1",   none,    0, verify_scram_sha1,   generate_scram_sha1},
    {"SHA512-CRYPT",  none,    0, verify_crypt,        generate_sha512_crypt},
    {"CLEAR",         none,    0, nullptr,             generate_plain},
    {"CLEARTEXT",     none,    0, nullptr,             generate_plain},
#ifdef DOVETAIL_SODIUM
    {"ARGON2I",       none,    0, verify_argon2,       generate_argon2i},
    {"ARGON2ID",      none,    0, verify_argon2,       generate_argon2id},
#endif
    {"SSHA256",       base64,  0, verify_ssha256,      generate_ssha256},
    {"MD5",           none,    0, verify_md5_crypt,    generate_md5_crypt},
    {"PBKDF2",        none,    0, verify_pbkdf2,       generate_pbkdf2},
    {"SHA256",        base64, 32, nullptr,             generate_sha256},
    {"CRAM-MD5",      hex,    32, nullptr,             generate_cram_md5},
    {"PLAIN-TRUNC",   none,    0, verify_plain_trunc,  generate_plain},
    {"SHA256-CRYPT",  none,    0, verify_crypt,        generate_sha256_crypt},
    {"SMD5",          base64,  0, verify_smd5,         generate_smd5},
    {"DIGEST-MD5",    hex,    16, nullptr,             generate_digest_md5},
    {"LDAP-MD5",      base64, 16, nullptr,             generate_plain_md5},
};
// clang-format on

struct NamedEncoding {
  std::string_view suffix;
  Encoding encoding;
};
constexpr NamedEncoding encodings[] = {{"HEX", hex}, {"B64", base64}, {"BASE64", base64}};

// nullopt: the scheme's own.
struct SchemeName {
  const Scheme* scheme = nullptr;
  std::optional<Encoding> encoding;
};

SchemeName parse_scheme_name(std::string_view text) {
  auto [name, suffix] = base::cut(text, '.');
  SchemeName found;
  for (const auto& scheme : schemes) {
    if (base::iequals(scheme.name, name)) found.scheme = &scheme;
  }
  if (!suffix) return found;
  for (const auto& known : encodings) {
    if (base::iequals(known.suffix, *suffix)) found.encoding = known.encoding;
  }
  if (!found.encoding) found.scheme = nullptr;
  return found;
}

// Without a suffix, data of a hash with known length may be written in hex as well as in base64:
// the length tells.
Encoding guess_encoding(const Scheme& scheme, std::string_view data) {
  if (scheme.encoding == none || scheme.raw_length == 0) return scheme.encoding;
  return data.size() == scheme.raw_length * 2 ? hex : base64;
}

Result<std::string> decode_stored(const Scheme& scheme, std::optional<Encoding> given,
                                  std::string_view data) {
  std::optional<std::string> raw;
  switch (given.value_or(guess_encoding(scheme, data))) {
    case Encoding::none:
      raw = std::string(data);
      break;
    case Encoding::hex:
      raw = base::unhex(data);
      if (!raw) return permanent("Input isn't valid HEX encoded data");
      break;
    case Encoding::base64:
      raw = base::unbase64(data);
      if (!raw) return permanent("Input isn't valid Base64 encoded data");
      break;
  }
  if (scheme.raw_length != 0 && raw->size() != scheme.raw_length) {
    return permanent(
        format("Input length isn't valid ({} instead of {})", raw->size(), scheme.raw_length));
  }
  return std::move(*raw);
}

}  // namespace

StoredPassword split_scheme(std::string_view stored) {
  if (stored.starts_with("$1$")) {
    const auto salt_end = stored.find('$', 3);
    // Something may follow behind a third '$': it is not part of the hash.
    if (salt_end != stored.npos)
      return {"MD5-CRYPT", Secret(stored.substr(0, stored.find('$', salt_end + 1)))};
  }
  const auto close = stored.starts_with('{') ? stored.find('}') : stored.npos;
  if (close == stored.npos) return {{}, Secret(stored)};
  return {std::string(stored.substr(1, close - 1)), Secret(stored.substr(close + 1))};
}

Verification verify_password(const Attempt& attempt, const StoredPassword& stored) {
  const auto name = parse_scheme_name(stored.scheme);
  if (!name.scheme) return {Verdict::unknown_scheme, {}};
  auto raw = decode_stored(*name.scheme, name.encoding, stored.data.reveal());
  if (!raw) return {Verdict::invalid, raw.error().text, true};
  const Secret wiped(*raw);  // the copy that outlives this block is wiped
  base::wipe(*raw);
  if (name.scheme->verify) {
    auto good = name.scheme->verify(attempt, wiped.reveal());
    if (!good) return {Verdict::invalid, good.error().text};
    return {*good ? Verdict::match : Verdict::mismatch, {}};
  }
  auto made = name.scheme->generate(attempt);
  if (!made) return {Verdict::invalid, made.error().text};
  const bool same = base::equal_constant_time(*made, wiped.reveal());
  base::wipe(*made);
  return {same ? Verdict::match : Verdict::mismatch, {}};
}

Result<std::string> generate_password(const Attempt& attempt, std::string_view scheme) {
  const auto name = parse_scheme_name(scheme);
  if (!name.scheme) return permanent(format("Unknown scheme: {}", scheme));
  auto raw = name.scheme->generate(attempt);
  if (!raw) return raw.error();
  switch (name.encoding.value_or(name.scheme->encoding)) {
    case Encoding::hex:
      return base::hex(*raw);
    case Encoding::base64:
      return base::base64(*raw);
    case Encoding::none:
      break;
  }
  return raw;
}

const Scheme* find_scheme(std::string_view name) {
  return parse_scheme_name(name).scheme;
}

std::vector<std::string_view> scheme_names() {
  std::vector<std::string_view> names;
  for (const auto& scheme : schemes) names.push_back(scheme.name);
  return names;
}

}  // namespace dovetail::authd
