// SPDX-License-Identifier: Apache-2.0
#include "lookup/source.h"

#include <vector>

#include "lookup/build/message_keys.h"
#include "lookup/postalias/aliases.h"
#include "lookup/test_tables.h"
#include "tests/catch.h"

using namespace dovetail;
using namespace dovetail::lookup;

TEST_CASE("logical lines join continuations and know their number") {
  TestTables tables;
  LineReader lines("f", "  lost\n# c\na 1\n b\n# c\n\n  c\nk v", tables.log);
  std::string_view line;
  REQUIRE(lines.next(line));
  CHECK(line == "a 1 b  c");
  CHECK(lines.first_line() == 3);
  CHECK(lines.line() == 7);
  REQUIRE(lines.next(line));
  CHECK(line == "k v");
  CHECK(lines.line() == 8);
  CHECK(!lines.next(line));
  REQUIRE(tables.logged.size() == 1);
  CHECK(tables.logged[0] == "f: logical line must not start with whitespace: \"  lost\"");
}

TEST_CASE("a key ends at the first blank outside quotes") {
  CHECK(split_key_value("k\tv w ").key == "k");
  CHECK(split_key_value("k\tv w ").value == "v w");
  CHECK(split_key_value("\"a b\"@x.test v").key == "\"a b\"@x.test");
  CHECK(split_key_value("\"a").value.empty());
  CHECK(split_key_value("a\\").key == "a\\");
}

TEST_CASE("alias lines are taken apart") {
  struct Row {
    const char *line, *name, *value;  // name null: value is the warning
  };
  // clang-format off
  static const Row rows[] = {
      {"root: admin@example.test, \"|/usr/bin/prog -x\"", "root",        "admin@example.test, \"|/usr/bin/prog -x\""},
      {"\"quoted name\": x",                              "quoted name", "x"},
      {"list: :include:/etc/list",                        "list",        ":include:/etc/list"},
      {"multi: a,  b,  c",                                "multi",       "a, b, c"},
      {"with.dot+ext:z",                                  "with.dot+ext", "z"},
      {"a b: c",                                          "a b",         "c"},
      {"a: b: c",                                         "a",           "b:c"},
      {"a: (b",                                           "a",           "(b"},
      {"nullv:",                                          nullptr,       "need name:value pair"},
      {": b",                                             nullptr,       "need name:value pair"},
      {"foo bar",                                         nullptr,       "need name:value pair"},
      {"a@example.test: b",                               nullptr,       "name must be local"},
      {"a: \"open",                                       "a",           "\"open\""},
      {"a: b\\",                                          "a",           "b"},
      {"\\d: \\root, Name <x@y> , z\\\"w,",                 "d",           "root, Name <x@y>, \"z\\\"w\", "},
      {"a,b: c",                                          nullptr,       "need name:value pair"},
  };
  // clang-format on
  for (auto& row : rows) {
    INFO(row.line);
    auto alias = parse_alias(row.line);
    if (row.name) {
      REQUIRE(alias);
      CHECK(alias->name == row.name);
      CHECK(alias->value == row.value);
    } else {
      REQUIRE(!alias);
      CHECK(alias.error().text == row.value);
    }
  }
}

TEST_CASE("a message is taken apart for header and body checks") {
  using Keys_ = std::vector<std::string>;
  std::string_view plain = "From: a\nX-Long: one\n two\n\nbody\n";
  CHECK(message_keys(plain, true, false, false) == Keys_{"From: a", "X-Long: one\n two"});
  CHECK(message_keys(plain, false, true, false) == Keys_{"body"});
  std::string_view parts =
      "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/html\n\nbody\n--x--\n";
  CHECK(message_keys(parts, true, false, true) ==
        Keys_{"Content-Type: multipart/mixed; boundary=x", "Content-Type: text/html"});
}
