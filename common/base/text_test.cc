// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"

#include "common/base/secret.h"
#include "tests/catch.h"

namespace dovetail::base {

TEST_CASE("words are split at blanks and empty ones vanish") {
  CHECK(words("  a b\t c ").size() == 3);
  CHECK(words("").empty());
  CHECK(split("a,,b", ',').size() == 3);
  CHECK(split("", ',').size() == 1);
  CHECK(trim(" \t x y \r\n") == "x y");
  CHECK(cut("a=b=c", '=').second == "b=c");
  CHECK(cut_last("a@b@c", '@').first == "a@b");
  CHECK(!cut("abc", '=').second);
}

TEST_CASE("numbers are taken whole or not at all") {
  CHECK(parse_number<int>("42") == 42);
  CHECK(parse_number<int>("-7") == -7);
  CHECK(!parse_number<int>("42x"));
  CHECK(!parse_number<int>(""));
  CHECK(!parse_number<uint8_t>("256"));
  CHECK(parse_number<unsigned>("0644", 8) == 0644u);
}

TEST_CASE("base64 and hex come back as they went") {
  for (std::string bytes : {std::string(""), std::string("f"), std::string("fo"),
                            std::string("foo"), std::string("\0\xff", 2)}) {
    CHECK(unbase64(base64(bytes)) == bytes);
    CHECK(unhex(hex(bytes)) == bytes);
  }
  CHECK(base64("foobar") == "Zm9vYmFy");
  CHECK(!unbase64("Zm9v!mFy"));
  CHECK(!unbase64("Zm9"));
  CHECK(!unhex("0g"));
}

TEST_CASE("untrusted text loses its control characters") {
  CHECK(printable("a\tb\x7f\xc3\xa9") == "a?b???");
  CHECK(printable("caf\xc3\xa9", true) == "caf\xc3\xa9");
  CHECK(printable("bad\xc3", true) == "bad?");
}

TEST_CASE("UTF-8 is judged as RFC 3629 says") {
  CHECK(is_utf8("caf\xc3\xa9 \xf0\x9f\x98\x80"));
  CHECK(!is_utf8("\xc0\x80"));          // overlong
  CHECK(!is_utf8("\xed\xa0\x80"));      // surrogate
  CHECK(!is_utf8("\xf4\x90\x80\x80"));  // above U+10FFFF
}

TEST_CASE("a secret is compared whole and wiped") {
  Secret a("password"), b("password"), c("passwore");
  CHECK(a == b);
  CHECK(!(a == c));
  std::string text = "secret";
  wipe(text);
  CHECK(text.empty());
}

}  // namespace dovetail::base
