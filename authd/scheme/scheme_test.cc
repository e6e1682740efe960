// Published and recorded vectors for every scheme, and what is made must verify.
// SPDX-License-Identifier: Apache-2.0
#include "authd/scheme/scheme.h"

#include "authd/scheme/message_digest.h"
#include "authd/scheme/well_formed.h"
#include "common/base/text.h"
#include "tests/catch.h"

namespace dovetail::authd {
namespace {

Attempt try_password(std::string_view text, std::string_view user = "u@example.com") {
  return {Secret(text), std::string(user), 0};
}

Verdict verdict(std::string_view stored, std::string_view password) {
  return verify_password(try_password(password), split_scheme(stored)).verdict;
}

TEST_CASE("MD4 and MD5 give the digests of their RFCs") {
  CHECK(base::hex(md5("")) == "d41d8cd98f00b204e9800998ecf8427e");
  CHECK(base::hex(md5("message digest")) == "f96b697d7cb7938d525a2f31aaf161d0");
  CHECK(base::hex(md5(
            "12345678901234567890123456789012345678901234567890123456789012345678901234567890")) ==
        "57edf4a22be3c955ac49da2e2107b67a");
  CHECK(base::hex(md4("abc")) == "a448017aaf21d8525fc10ae87aa6729d");
  CHECK(base::hex(md4(
            "12345678901234567890123456789012345678901234567890123456789012345678901234567890")) ==
        "e33b4ddc9c38f2199c3e7b164fcc0536");
  for (size_t length = 50; length < 70; ++length) {
    INFO(length);
    CHECK(md5_finish(kDigestStart, std::string(length, 'x'), 0) == md5(std::string(length, 'x')));
  }
}

TEST_CASE("recorded passwords verify, others do not") {
  const char* rows[] = {
      "{PLAIN}secret",
      "{plain}secret",
      "{CLEARTEXT}secret",
      "{PLAIN.b64}c2VjcmV0",
      "{PLAIN.hex}736563726574",
      "{SHA1}5en6G6MezRroT3XKqkdPOmY/BfQ=",
      "{SHA.HEX}e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4",
      "{SHA}e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4",
      "{sha256}K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=",
      "{SHA512}vSsar3708Jvp9Szi2NWZZ02Bqp1qRCFpbcTZPdBhnWgs5WtNZKnvCXdhztmeD2cmW192CF5bDufKRpayrW/"
      "isg==",
      "{SSHA}fRC779CewKYgQA4kJflmt7mGaEJ5mKWN",
      "{SSHA256}x60rz+a2/UKHNa1bfGy+bcbuk4YVsl2xjwHXcXGO1YNNbJO8",
      "{SSHA512}0xzJAb1XhXUxKnniqfrzJIP58tdLj8BiSZKOxvCFyeaStJLCXvgR48lFrm+"
      "VO03gHmuXh3cBfePXOUTCPGnFrb2wlDQ=",
      "{SMD5}5aoaK2jCyK8uT+52RAMhzH6tQTE=",
      "{PLAIN-MD4}67d3dafef63ff00603aeef3769cfbf0d",
      "{PLAIN-MD5}5ebe2294ecd0e0f08eab7690d2a6ee69",
      "{MD5}5ebe2294ecd0e0f08eab7690d2a6ee69",
      "{LDAP-MD5}Xr4ilOzQ4PCOq3aQ0qbuaQ==",
      "{BLF-CRYPT}$2y$05$zJv4DmEIx9.NzEGAZVDpQu3qtXbACXMXWgXFNonnbzvNaPzEEfWAW",
      "{CRYPT}$2y$05$zmBtCGQdrqKNIbHP2Tsk8ut6hlWrWq7pf7jLrq7LN2kqVmRwxnW3C",
      "{DES-CRYPT}OT5qWxHHRDHdc",
      "{MD5-CRYPT}$1$Qyb/cykX$ivfnQEoIv5.q5aoRgtTmi/",
      "$1$Qyb/cykX$ivfnQEoIv5.q5aoRgtTmi/",
      "{SHA256-CRYPT}$5$dpkteufFJ9PDWaDF$oRpnQxStUTxDn5F3I7ozLQ1QtAzm.e/5hmIQXCk2y78",
      "{SHA512-CRYPT}$6$yD/"
      "leBPdkbZZLXfY$n1aTPbzFdOZBOQlSCE0C4iIp2AwKrZtbXtCrXipjlWSreFqcfY3H4Tdhboughoowe3ecsQoV"
      "eHXzpRIcr1Va.0",
      "{CRAM-MD5}cd3ba7deaad6e5ca23448ba42e379747a9e0f7f1fbc00c8a81bbaac395731b56",
      "{DIGEST-MD5}eae66b7357f105b7e6f4828d37c0653f",
      "{SCRAM-SHA-1}4096,qLfW/"
      "0u6zitHrsELrX2psA==,+feGdoRyeoelDkWd2bgoEM6Xup8=,MzFmATJVGkGOQnkgfP6dAg8qqms=",
      "{SCRAM-SHA-256}4096,YcEeA4aHBVQWY60rbIXDkg==,xFGwMFpADyjNcQ42pBLLy4PAW7tBsSnB2pnbvQquXiE=,"
      "wCimEl2i66udrKP2KJfoAeTTikZsxnYTiscUP4nbaAc=",
      "{PBKDF2}$1$n5x5CK8o5zijS/ys$5000$24c8010d8038569a2da58d1e185e40296913906c",
      "{OTP}sha1 1024 2f882657116dfdee 7989fd3be6d0ebf9",
  };
  for (const char* row : rows) {
    INFO(row);
    CHECK(verdict(row, "secret") == Verdict::match);
    CHECK(verdict(row, "Secret") == Verdict::mismatch);
    CHECK(verdict(row, "") == Verdict::mismatch);
  }
}

#ifdef DOVETAIL_SODIUM
TEST_CASE("argon2 passwords verify") {
  CHECK(verdict("{ARGON2I}$argon2i$v=19$m=32768,t=4,p=1$f2FLFz8p4mJEsYIhnRGMNg$"
                "oU8bSS2Ua0TtvAy/fBrFXZbJP+eZjGqQLHhbs3ygnps",
                "secret") == Verdict::match);
  CHECK(verdict("{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$rDg/u+Yz3D3Hr3xMBV8cbw$"
                "ro65PVvQEwVZPr6lND9X9TDbDgGGXnvva9KM26dlJPE",
                "wrong") == Verdict::mismatch);
}
#endif

TEST_CASE("the seed's password verifies whatever case its scheme has") {
  const std::string hash =
      "$6$dEqUVsCirHzV8kHw$hgC0x0ufah.N0PzUVvhLEMnoww5lo.JBmeLSsRNDkgWVylC55Gk6zA1KWsn."
      "SiIAAIDEqHxtugGZWHl1qMex..";
  CHECK(verdict("{SHA512-CRYPT}" + hash, "onetestandone") == Verdict::match);
  CHECK(verdict("{sha512-crypt}" + hash, "wrong") == Verdict::mismatch);
  CHECK(verdict("{CRYPT}" + hash, "onetestandone") == Verdict::match);
}

TEST_CASE("stored data that is no password is told from a wrong password") {
  struct Row {
    const char* stored;
    Verdict verdict;
    const char* error;
  };
  const Row rows[] = {
      {"{NOSUCH}x", Verdict::unknown_scheme, ""},
      {"{SHA256.BOGUS}x", Verdict::unknown_scheme, ""},
      {"noscheme", Verdict::unknown_scheme, ""},
      {"{SHA1}!!!", Verdict::invalid, "Input isn't valid Base64 encoded data"},
      {"{SHA1}c2VjcmV0", Verdict::invalid, "Input length isn't valid (6 instead of 20)"},
      {"{PLAIN.hex}7g", Verdict::invalid, "Input isn't valid HEX encoded data"},
      {"{MD5}", Verdict::invalid, "Not a valid MD5-CRYPT or PLAIN-MD5 password"},
      {"{SSHA}c2VjcmV0", Verdict::invalid, "SSHA password is too short"},
      {"{CRYPT}", Verdict::mismatch, ""},
      {"{CRYPT}ab", Verdict::mismatch, ""},
      {"{CRYPT}*0", Verdict::mismatch, ""},
      {"{SCRAM-SHA-1}0,AAAA,,", Verdict::invalid, "Invalid SCRAM-SHA-1 passdb entry"},
      {"{PBKDF2}$1$x$4294967295$00", Verdict::invalid, "Invalid PBKDF2 hash"},
      {"{OTP}sha1 1024", Verdict::invalid, "Invalid OTP data in passdb"},
      {"{PLAIN-TRUNC}abc", Verdict::invalid, "PLAIN-TRUNC missing length: prefix"},
  };
  for (const Row& row : rows) {
    INFO(row.stored);
    const auto result = verify_password(try_password("secret"), split_scheme(row.stored));
    CHECK(result.verdict == row.verdict);
    CHECK(result.error == row.error);
  }
}

TEST_CASE("a truncated store accepts what begins the same, and nothing shorter") {
  CHECK(verdict("{PLAIN-TRUNC}6-secret", "secretly") == Verdict::match);
  CHECK(verdict("{PLAIN-TRUNC}6-secret", "secre") == Verdict::mismatch);
  CHECK(verdict("{PLAIN-TRUNC}9-secret", "secretly") == Verdict::mismatch);
}

TEST_CASE("a crypt password with a NUL inside matches nothing") {
  CHECK(verdict("{DES-CRYPT}OT5qWxHHRDHdc", std::string_view("secret\0more", 11)) ==
        Verdict::mismatch);
}

TEST_CASE("what every scheme makes it also verifies") {
  for (auto name : scheme_names()) {
    if (name == "PLAIN-TRUNC" || name.starts_with("ARGON2"))
      continue;  // made without its length; slow
    INFO(name);
    auto made = generate_password(try_password("pass word"), name);
    REQUIRE(made);
    CHECK(verdict(format("{{{}}}{}", name, *made), "pass word") == Verdict::match);
    CHECK(verdict(format("{{{}}}{}", name, *made), "Pass word") == Verdict::mismatch);
  }
}

TEST_CASE("rounds are kept within what the scheme can do") {
  Attempt attempt{Secret("x"), "", 2};
  CHECK(generate_password(attempt, "BLF-CRYPT")->starts_with("$2y$04$"));
  attempt.rounds = 1000;
  CHECK(generate_password(attempt, "sha512-crypt")->starts_with("$6$rounds=1000$"));
  CHECK(generate_password(attempt, "NOSUCH").error().text == "Unknown scheme: NOSUCH");
  CHECK(generate_password(attempt, "DIGEST-MD5").error().text ==
        "digest_md5_generate(): username not given");
}

TEST_CASE("unsalted schemes are made as the incumbent makes them") {
  struct Row {
    const char* scheme;
    const char* data;
  };
  const Row rows[] = {
      {"SHA256.HEX", "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"},
      {"PLAIN-MD5.B64", "Xr4ilOzQ4PCOq3aQ0qbuaQ=="},
      {"PLAIN-MD4", "67d3dafef63ff00603aeef3769cfbf0d"},
      {"HMAC-MD5", "cd3ba7deaad6e5ca23448ba42e379747a9e0f7f1fbc00c8a81bbaac395731b56"},
      {"DIGEST-MD5", "eae66b7357f105b7e6f4828d37c0653f"},
  };
  for (const Row& row : rows) {
    INFO(row.scheme);
    CHECK(*generate_password(try_password("secret"), row.scheme) == row.data);
  }
}

TEST_CASE("stored passwords that a scheme could verify, and those it never can") {
  using Kind = StoredState::Kind;
  struct Row {
    std::string_view scheme;
    std::string stored;
    Kind wanted;
    std::string_view reason;
  };
  const std::string sha512 = "$6$dEqUVsCirHzV8kHw$" + std::string(86, 'a');
  const std::string bcrypt = "$2y$05$" + std::string(53, 'b');
  const Row rows[] = {
      {"SHA512-CRYPT", sha512, Kind::good, ""},
      {"MD5", "{SHA512-CRYPT}$6$rounds=5000$salt$" + std::string(86, 'x'), Kind::good, ""},
      {"SHA512-CRYPT", sha512.substr(0, 100), Kind::bad, "it is cut off"},
      {"SHA512-CRYPT", "$6$" + std::string(20, 'a'), Kind::bad, "it has no salt or no hash"},
      {"CRYPT", bcrypt, Kind::good, ""},
      {"BLF-CRYPT", bcrypt.substr(0, 50), Kind::bad, "it is cut off"},
      {"CRYPT", "abcdefghijklm", Kind::good, ""},
      {"CRYPT", "!locked", Kind::good, ""},
      {"CRYPT", "secret", Kind::bad, "perhaps a password in clear"},
      {"CRYPT", "$argon2id$v=19$m=1,t=1,p=1$c2FsdA$aGFzaA", Kind::bad, "no hash of that form"},
      {"MD5", "$1$salt$" + std::string(22, 'c'), Kind::good, ""},
      {"MD5", "$1$salt$" + std::string(20, 'c'), Kind::bad, "it is cut off"},
      {"MD5", "nonsense", Kind::bad, "not a MD5 hash"},
      {"PLAIN", "secret", Kind::clear, ""},
      {"SHA512-CRYPT", "{CLEARTEXT}secret", Kind::clear, ""},
      {"SHA256", "not base64 !", Kind::bad, "not a SHA256 hash"},
      {"SSHA", "dGhpcyBpcyBhIGhhc2ggd2l0aCBzYWx0", Kind::good, ""},
      {"ROT13", "frperg", Kind::bad, "no scheme known here"},
  };
  for (auto& row : rows) {
    INFO(row.scheme << " " << row.stored);
    auto state = judge_stored(row.scheme, row.stored);
    CHECK(state.kind == row.wanted);
    CHECK(state.reason.find(row.reason) != std::string::npos);
    CHECK(state.reason.find("secret") == std::string::npos);
  }
}

}  // namespace
}  // namespace dovetail::authd
