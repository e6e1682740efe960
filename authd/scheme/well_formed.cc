// The forms of crypt(3) hashes, and the other schemes tried with a password nobody has.
// SPDX-License-Identifier: Apache-2.0
#include "authd/scheme/well_formed.h"

#include <algorithm>

#include "authd/scheme/scheme.h"
#include "common/base/text.h"

namespace dovetail::authd {

namespace {

constexpr std::string_view kCryptAlphabet =
    "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

// $id$[rounds=n$]salt$hash with a hash of this length; hash == 0: any length.
struct CryptForm {
  std::string_view prefix;
  size_t hash;
  std::string_view scheme;
};
constexpr CryptForm crypt_forms[] = {
    {"$1$", 22, "MD5-CRYPT"}, {"$5$", 43, "SHA256-CRYPT"}, {"$6$", 86, "SHA512-CRYPT"},
    {"$y$", 43, "CRYPT"},     {"$gy$", 43, "CRYPT"},       {"$7$", 43, "CRYPT"},
};
constexpr std::string_view bcrypt_prefixes[] = {"$2a$", "$2b$", "$2y$", "$2x$"};
constexpr size_t kBcryptLength = 60, kDesLength = 13;

bool only_crypt_letters(std::string_view text) {
  return text.find_first_not_of(kCryptAlphabet) == text.npos;
}

StoredState bad(std::string reason) {
  return {StoredState::bad, std::move(reason)};
}

StoredState judge_crypt(std::string_view data) {
  for (auto prefix : bcrypt_prefixes) {
    if (!data.starts_with(prefix)) continue;
    if (data.size() < kBcryptLength)
      return bad(format("a BLF-CRYPT hash has {} characters, this one {}: it is cut off",
                        kBcryptLength, data.size()));
    bool fits =
        data.size() == kBcryptLength && data[6] == '$' && only_crypt_letters(data.substr(7));
    return fits ? StoredState() : bad("not a BLF-CRYPT hash");
  }
  for (auto& form : crypt_forms) {
    if (!data.starts_with(form.prefix)) continue;
    auto hash = data.substr(data.rfind('$') + 1);
    if (std::count(data.begin(), data.end(), '$') < 3)
      return bad(format("not a whole {} hash: it has no salt or no hash", form.scheme));
    if (hash.size() < form.hash)
      return bad(format("the hash behind {} has {} characters instead of {}: it is cut off",
                        form.prefix, hash.size(), form.hash));
    return hash.size() == form.hash && only_crypt_letters(hash)
               ? StoredState()
               : bad(format("not a {} hash", form.scheme));
  }
  if (data.starts_with("$argon2") || data.starts_with('$'))
    return bad("crypt(3) knows no hash of that form");
  // Locked accounts of shadow files have a password nobody can give.
  if (data.starts_with('!') || data.starts_with('*')) return {};
  if (data.size() != kDesLength || !only_crypt_letters(data))
    return bad("not a hash of crypt(3): perhaps a password in clear");
  return {};
}

struct CryptScheme {
  std::string_view name, prefix;  // an empty prefix: any
};
constexpr CryptScheme crypt_schemes[] = {{"CRYPT", ""},
                                         {"DES-CRYPT", ""},
                                         {"BLF-CRYPT", ""},
                                         {"SHA256-CRYPT", ""},
                                         {"SHA512-CRYPT", ""}};
constexpr std::string_view clear_schemes[] = {"PLAIN", "CLEAR", "CLEARTEXT", "PLAIN-TRUNC"};

bool is_crypt_scheme(std::string_view name) {
  return std::any_of(std::begin(crypt_schemes), std::end(crypt_schemes),
                     [&](auto& one) { return base::iequals(one.name, name); });
}

}  // namespace

StoredState judge_stored(std::string_view default_scheme, std::string_view stored) {
  auto parts = split_scheme(stored);
  if (parts.scheme.empty()) parts.scheme = default_scheme;
  auto* scheme = find_scheme(parts.scheme);
  if (!scheme) return bad(format("{} is no scheme known here", base::printable(parts.scheme)));
  auto name = std::string_view(scheme->name);
  for (auto clear : clear_schemes) {
    if (name == clear) return {StoredState::clear, {}};
  }
  auto data = parts.data.reveal();
  if (data.starts_with("$1$")) return judge_crypt(data);
  if (is_crypt_scheme(name) && parts.scheme.find('.') == std::string::npos)
    return judge_crypt(data);
  // These work as hard as the hash asks for; their form is enough.
  if (name.starts_with("ARGON2"))
    return data.starts_with("$argon2") && std::count(data.begin(), data.end(), '$') == 5
               ? StoredState()
               : bad("not an ARGON2 hash");
  if (name == "PBKDF2" || name.starts_with("SCRAM-"))
    return std::count(data.begin(), data.end(), name == "PBKDF2" ? '$' : ',') >= 3
               ? StoredState()
               : bad(format("not a {} hash", name));
  auto verdict = verify_password({Secret("no such password"), "", 0}, parts);
  if (verdict.verdict == Verdict::invalid)
    return bad(format("not a {} hash: {}", name, verdict.error));
  return {};
}

}  // namespace dovetail::authd
