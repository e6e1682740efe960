// SPDX-License-Identifier: Apache-2.0
#include "conf/units.h"

#include "tests/catch.h"

namespace dovetail::conf {

TEST_CASE("times have a unit, no blanks and no sign") {
  CHECK(parse_time("10s")->count() == 10);
  CHECK(parse_time("2", 'h')->count() == 7200);
  CHECK(parse_time("5d", 's')->count() == 432000);
  CHECK(parse_time("1w")->count() == 604800);
  for (auto bad : {"", "s", "1 h", "-5", "5H", "10q", "9999999999", "99999d", "1hh"}) {
    INFO(bad);
    CHECK(!parse_time(bad));
  }
}

TEST_CASE("booleans are yes and no in any case") {
  CHECK(parse_bool("YES") == std::optional(true));
  CHECK(parse_bool("no") == std::optional(false));
  CHECK(!parse_bool("true"));
  CHECK(!parse_bool(""));
}

TEST_CASE("compatibility levels compare as numbers") {
  CHECK(*parse_compat_level("3.10") > *parse_compat_level("3.9"));
  CHECK(*parse_compat_level("2") == *parse_compat_level("2.0.0"));
  for (auto bad : {"", "x", "3.", "1.2.3.4", "2 3", "-1"}) {
    INFO(bad);
    CHECK(!parse_compat_level(bad));
  }
}

TEST_CASE("braces protect separators in a list") {
  auto list = split_list("a, {b, c} d,,e{f g}");
  CHECK(list == std::vector<std::string>{"a", "{b, c}", "d", "e{f g}"});
  CHECK(split_list(" , ").empty());
}

TEST_CASE("unbrace says what is wrong") {
  CHECK(*unbrace("{ a = b }") == "a = b");
  CHECK(unbrace("{a=b}x").error().text == "syntax error after '}' in \"{a=b}x\"");
  CHECK(unbrace("{ a").error().text == "missing '}' in \"{ a\"");
  CHECK(braced_text("{a=b}x") == "a=b");
  CHECK(braced_text("{ a = b") == "a = b");
}

TEST_CASE("name = value, blanks around both removed") {
  auto pair = split_name_value("  relayhost =  [gw]:587 ");
  REQUIRE(pair);
  CHECK(pair->name == "relayhost");
  CHECK(pair->value == "[gw]:587");
  CHECK(split_name_value("a b=1").error().text == "missing '=' after attribute name: \"a b=1\"");
  CHECK(split_name_value("= v").error().text == "missing attribute name: \"= v\"");
}

}  // namespace dovetail::conf
