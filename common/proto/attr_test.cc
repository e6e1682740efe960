// Attribute lists fed whole and byte by byte.
// SPDX-License-Identifier: Apache-2.0
#include "common/proto/attr.h"

#include "tests/catch.h"

using namespace dovetail;
using namespace dovetail::proto;
using namespace std::string_view_literals;

TEST_CASE("an attribute list is what postdrop -r prints") {
  Attributes attributes;
  attributes.add("protocol", "postdrop_protocol").add("queue_id", "36FD6AC4B57");
  CHECK(attributes.encode() == "protocol\0postdrop_protocol\0queue_id\00036FD6AC4B57\0\0"sv);
  attributes.add("reason", "a\0b"sv);
  std::string bytes = attributes.encode() + "next";
  for (size_t length = 0; length < bytes.size() - 4; ++length) {
    std::string_view input = std::string_view(bytes).substr(0, length);
    CHECK(!decode_attributes(input));
    CHECK(input.size() == length);
  }
  std::string_view input = bytes;
  auto decoded = decode_attributes(input);
  REQUIRE(decoded);
  CHECK(input == "next");
  CHECK(decoded->get("queue_id") == "36FD6AC4B57");
  CHECK(decoded->get("reason") == "a?b");
  CHECK(decoded->get("none").empty());
  CHECK(!decoded->has("none"));
}

TEST_CASE("a name may come several times") {
  Attributes attributes;
  attributes.add("recipient", "a").add("recipient", "b").add_number("offset", -7);
  std::string bytes = attributes.encode();
  std::string_view input = bytes;
  auto decoded = decode_attributes(input);
  REQUIRE(decoded);
  CHECK(decoded->get_all("recipient").size() == 2);
  CHECK(decoded->get_number("offset") == -7);
  CHECK(decoded->get_number("recipient") == 0);
}
