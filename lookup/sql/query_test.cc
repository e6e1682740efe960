// SPDX-License-Identifier: Apache-2.0
#include "lookup/sql/query.h"

#include "common/base/text.h"
#include "lookup/test_tables.h"
#include "tests/catch.h"

using namespace dovetail;
using namespace dovetail::lookup;

TEST_CASE("templates stand for the parts of key and value") {
  struct Row {
    const char *text, *value, *key, *expanded;  // no expansion: nullptr; a query has no key
  };
  // clang-format off
  static const Row rows[] = {
      {"x='%s'",       "o'a@b.test",  nullptr,      "x='o\\'a@b.test'"},
      {"%u|%d",        "u@a.test",    nullptr,      "u|a.test"},
      {"%u",           "u",           nullptr,      "u"},
      {"%d",           "u",           nullptr,      nullptr},
      {"%u",           "@a.test",     nullptr,      nullptr},
      {"%1.%2",        "u@m.a.test",  nullptr,      "test.a"},
      {"%3",           "u@a.test",    nullptr,      nullptr},
      {"%S %U %D",     "u@a.test",    nullptr,      "u@a.test u a.test"},
      {"100%%",        "u",           nullptr,      "100%"},
      {"lmtp:[%d]/%U", "x@b.test",    "k@a.test",   "lmtp:[b.test]/k"},
      {"%1",           "x@b.org",     "k@a.test",   "test"},
      {"%d",           "nodomain",    "k@a.test",   nullptr},
  };
  // clang-format on
  Quote quote = [](std::string_view text) { return base::replace_all(text, "'", "\\'"); };
  for (auto& row : rows) {
    INFO(row.text << " " << row.value);
    auto parsed = SqlTemplate::parse("x.cf", "query", row.text);
    REQUIRE(parsed);
    std::string_view key = row.key ? row.key : "";
    auto expanded = parsed->expand(row.value, row.key ? &key : nullptr, quote);
    CHECK(expanded.value_or("NONE") == (row.expanded ? row.expanded : "NONE"));
  }
}

TEST_CASE("an unknown code in a template is refused") {
  auto parsed = SqlTemplate::parse("/x.cf", "query", "SELECT '%z'");
  REQUIRE(!parsed);
  CHECK(parsed.error().text == "db_common_parse: /x.cf: Invalid query template: SELECT '%z'");
  CHECK(!SqlTemplate::parse("/x.cf", "query", "%"));
}

TEST_CASE("rows become one result, up to the limit") {
  TestTables tables;
  SqlQuery query;
  query.result_format = *SqlTemplate::parse("x.cf", "result", "<%s>");
  SqlResult both(query, "mysql:x.cf", "k", tables.log);
  CHECK(both.add("a"));
  CHECK(both.add(""));
  CHECK(both.add("b"));
  CHECK(std::move(both).found() == Found("<a>,<b>"));
  REQUIRE(tables.logged.size() == 1);
  CHECK(tables.logged[0] == "table \"mysql:x.cf\": empty lookup result for: \"k\" -- ignored");
  query.expansion_limit = 1;
  SqlResult limited(query, "mysql:x.cf", "k", tables.log);
  CHECK(limited.add("a"));
  CHECK(!limited.add("b"));
  SqlResult none(query, "mysql:x.cf", "k", tables.log);
  CHECK(std::move(none).found() == Found());
}
