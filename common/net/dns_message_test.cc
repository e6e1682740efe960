// SPDX-License-Identifier: Apache-2.0
#include "common/net/dns_message.h"

#include "tests/catch.h"

namespace dovetail::net {

// An answer for example.org MX: header, question, one MX record whose host is compressed against
// the question.
static std::string mx_answer() {
  std::string m("\x12\x34\x81\xa0\x00\x01\x00\x01\x00\x00\x00\x00", 12);
  m += std::string(
           "\x07"
           "example\x03"
           "org\x00",
           13) +
       std::string("\x00\x0f\x00\x01", 4);
  m += std::string(
      "\xc0\x0c\x00\x0f\x00\x01\x00\x00\x0e\x10\x00\x09\x00\x0a\x04"
      "mail\xc0\x0c",
      21);
  return m;
}

TEST_CASE("an MX answer is read with its compressed names") {
  auto message = parse_dns_message(mx_answer());
  REQUIRE(message);
  REQUIRE(message->answers.size() == 1);
  CHECK(message->authenticated);
  CHECK(message->answers[0].name == "example.org");
  CHECK(message->answers[0].preference == 10);
  CHECK(message->answers[0].data == "mail.example.org");
  CHECK(message->answers[0].ttl == 3600);
}

TEST_CASE("every cut of an answer is refused, none is read past its end") {
  auto whole = mx_answer();
  for (size_t length = 0; length < whole.size(); ++length)
    CHECK(!parse_dns_message(whole.substr(0, length)));
}

TEST_CASE("a compression pointer in a circle is refused") {
  auto m = mx_answer();
  m[29] = '\xc0';
  m[30] = '\x1d';  // points at itself
  CHECK(!parse_dns_message(m));
}

TEST_CASE("a question holds the name and asks for recursion") {
  auto query = build_dns_query("example.org", kDnsMx, 0x1234, true);
  REQUIRE(query);
  CHECK(query->substr(12, 13) == std::string("\x07"
                                             "example\x03"
                                             "org\x00",
                                             13));
  CHECK(!build_dns_query("a..b", kDnsA, 1, false));
  CHECK(!build_dns_query(std::string(64, 'a') + ".org", kDnsA, 1, false));
  CHECK(build_dns_query("example.org.", kDnsMx, 0x1234, true) == query);
}

TEST_CASE("addresses are turned around for PTR") {
  CHECK(reverse_dns_name(std::string("\xc0\xa8\x64\x06", 4)) == "6.100.168.192.in-addr.arpa");
  CHECK(reverse_dns_name(std::string(15, '\0') + '\1').substr(0, 8) == "1.0.0.0.");
}

}  // namespace dovetail::net
