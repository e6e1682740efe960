// SPDX-License-Identifier: Apache-2.0
#include "mda/imap/sequence_set.h"

#include "mda/imap/text_form.h"
#include "tests/catch.h"

namespace dovetail::mda::imap {

TEST_CASE("sequence sets are parsed and brought into order") {
  struct Row {
    std::string text;
    uint32_t largest;
    std::string expect;  // "-": not a set
  };
  const Row rows[] = {
      {"1", 9, "1"},          {"1:3", 9, "1:3"},
      {"3:1", 9, "1:3"},      {"5,1:2,3", 9, "1:3,5"},
      {"*", 9, "9"},          {"100:*", 9, "9:100"},
      {"1:*", 9, "1:9"},      {"*:4", 9, "4:9"},
      {"2,2,2:2", 9, "2"},    {"1:*", 0, "1"},
      {"*", 0, ""},           {"0", 9, "-"},
      {"", 9, "-"},           {"1,", 9, "-"},
      {"a", 9, "-"},          {"1:", 9, "-"},
      {"4294967296", 9, "-"}, {"4294967295", 9, "4294967294"},
      {"1:2:3", 9, "-"},      {"$", 9, "-"},
  };
  for (const auto& row : rows) {
    INFO(row.text);
    auto set = SequenceSet::parse(row.text);
    REQUIRE(set.has_value() == (row.expect != "-"));
    if (!set) continue;
    set->resolve(row.largest);
    CHECK(set->text() == row.expect);
  }
}

TEST_CASE("a sequence set knows its members") {
  auto set = SequenceSet::parse("2:4,7,9:*");
  set->resolve(12);
  std::string members;
  for (uint32_t n = 1; n <= 13; ++n) members += set->contains(n) ? 'x' : '.';
  CHECK(members == ".xxx..x.xxxx.");
  CHECK(SequenceSet::of({1, 2, 3, 7, 9, 10}).text() == "1:3,7,9:10");
}

TEST_CASE("internal dates") {
  auto date = parse_internal_date("02-Jan-2024 03:04:05 +0100");
  REQUIRE(date);
  CHECK(date->seconds == 1704161045);
  CHECK(date->offset == 60);
  CHECK(parse_internal_date(" 2-Jan-2024 03:04:05 +0000")->seconds == 1704164645);
  CHECK(!parse_internal_date("bad date"));
  CHECK(!parse_internal_date("31-Feb-2024 03:04:05 +0000"));
  CHECK(!parse_internal_date("02-Jan-2024 25:04:05 +0000"));
  CHECK(*parse_date("1-Jan-1970") == 0);
  CHECK(!parse_date("1-Foo-2024"));
  std::string out;
  append_astring(out, "INBOX");
  append_astring(out += ' ', "a b");
  append_astring(out += ' ', "nil");
  append_astring(out += ' ', "");
  CHECK(out == "INBOX \"a b\" \"nil\" \"\"");
}

}  // namespace dovetail::mda::imap
