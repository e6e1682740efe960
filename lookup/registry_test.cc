// Tables that need no file, through the registry.
// SPDX-License-Identifier: Apache-2.0
#include "lookup/registry.h"

#include <algorithm>
#include "lookup/type_list.h"

#include "lookup/test_tables.h"
#include "tests/catch.h"

using namespace dovetail;
using namespace dovetail::lookup;

TEST_CASE("tables written in one line answer") {
  struct Row {
    const char *table, *key, *answer;
  };
  // clang-format off
  static const Row rows[] = {
      {"static:OK",                                     "x",           "OK"},
      {"static:{ two words }",                          "x",           "two words"},
      {"inline:{k=v, {z = a b}}",                       "K",           "v"},
      {"inline:{k=v, {z = a b}}",                       "z",           "a b"},
      {"inline:{k=v}",                                  "q",           "-"},
      {"inline:{k=1, k=2}",                             "k",           "2"},
      {"inline:{}",                                     "k",           "FATAL bad syntax: \"inline:{}\"; need \"inline:{name=value...}\""},
      {"inline:{k}",                                    "k",           "FATAL missing '=' after attribute name: \"inline:{k}\"; need \"inline:{name=value...}\""},
      {"fail:x",                                        "k",           "ERROR Application error"},
      {"unionmap:{static:1,inline:{k=2}}",              "k",           "1,2"},
      {"unionmap:{static:1,fail:x}",                    "k",           "ERROR Application error"},
      {"pipemap:{inline:{k=v},inline:{v=final}}",       "k",           "final"},
      {"pipemap:{inline:{k=v},inline:{x=final}}",       "k",           "-"},
      {"randmap:{only}",                                "k",           "only"},
      {"cidr:{{10.0.0.0/8 OK}, {!192.168.0.0/16 NOT}}", "10.1.2.3",    "OK"},
      {"cidr:{{10.0.0.0/8 OK}, {!192.168.0.0/16 NOT}}", "192.168.1.1", "-"},
      {"cidr:{{10.0.0.0/8 OK}, {!192.168.0.0/16 NOT}}", "8.8.8.8",     "NOT"},
      {"cidr:{{!10.0.0.0/8 NOT}}",                      "name",        "-"},
      {"regexp:{{/^user([0-9]+)@(.*)$/ box$1.${2}}}",   "user7@a.test", "box7.a.test"},
      {"regexp:{{/(a)|(b)/ [$1][$2]}}",                 "b",           "[][b]"},
      {"regexp:{{if /a/} {/b/ both} {endif} {/./ any}}", "ac",         "any"},
      {"regexp:{{if /a/} {/b/ both} {endif} {/./ any}}", "ab",         "both"},
      {"zork:x",                                        "k",           "FATAL unsupported dictionary type: zork"},
      {"environ:",                                      "k",           "FATAL open dictionary: expecting \"type:name\" form instead of \"environ:\""},
      {"unix:zork",                                     "k",           "FATAL unknown table: unix:zork"},
      {"hash:/nonexistent/t",                           "k",           "FATAL open database /nonexistent/t.db: No such file or directory"},
  };
  // clang-format on
  TestTables tables;
  for (auto& row : rows) {
    INFO(row.table << " " << row.key);
    CHECK(tables.ask(row.table, row.key) == row.answer);
  }
}

TEST_CASE("pcre: rules are ruled out by their beginning only where that is certain") {
  auto listed = listed_types();
  if (std::find(listed.begin(), listed.end(), "pcre") == listed.end()) return;
  struct Row {
    const char *rule, *key, *answer;
  };
  // clang-format off
  static const Row rows[] = {
      {"/^abc/ y",       "abcd",   "y"}, {"/^abc/ y",      "ABCD",   "y"}, {"/^abc/i y",     "ABCD",  "-"},
      {"/^abc/ y",       "xabc",   "-"}, {"/^abc?d/ y",    "abd",    "y"}, {"/^abc*d/ y",    "abd",   "y"},
      {"/^abc{0}d/ y",   "abd",    "y"}, {"/^abc|x/ y",    "x",      "y"}, {"/^a b/x y",     "ab",    "y"},
      {"/^b/m y",        "a\nb",   "y"}, {"/^ab(c|d)/ y",  "abd",    "y"}, {"/^a\\.b/ y",   "a.b",   "y"},
      {"/^abc+/ y",      "abcc",   "y"}, {"/^user@x/ y",   "User@X", "y"}, {"/^ab(c)|x/ y",   "x",      "y"}, {"/^a[(]b|x/ y",  "x",      "y"}, {"/^a\\(b|x/ y",   "x",     "y"},
      {"/^a[[:x(]b|x/ y", "x",     "y"}, {"!/^abc/ y",     "x",     "y"},
  };
  // clang-format on
  TestTables tables;
  for (auto& row : rows) {
    INFO(row.rule << " " << row.key);
    CHECK(tables.ask("pcre:{{" + std::string(row.rule) + "}}", row.key) == row.answer);
  }
}

TEST_CASE("a damaged rule is skipped with a warning, the others work") {
  TestTables tables;
  CHECK(tables.ask("regexp:{{/(abc/ bad} {/x/ $1} {!/y/ $1} {/a/Z no} {/abc/ good}}", "abc") ==
        "good");
  CHECK(tables.logged.size() == 4);
}

TEST_CASE("a table that cannot be opened is temporarily unavailable where the daemon goes on") {
  TestTables tables;
  auto options = tables.options();
  options.surrogate = true;
  auto table = open_table(tables.loop, tables.main_cf, "hash:/nonexistent/t", options);
  REQUIRE(table);
  CHECK(TestTables::text_of(await(tables.loop, (*table)->lookup("k"))) ==
        "ERROR Application error");
  REQUIRE(tables.logged.size() == 1);
  CHECK(tables.logged[0] ==
        "hash:/nonexistent/t is unavailable. open database /nonexistent/t.db: No such file or "
        "directory");
}

TEST_CASE("a key that is not UTF-8 is not found") {
  TestTables tables;
  CHECK(tables.ask("static:OK", "caf\xe9") == "-");
  REQUIRE(tables.logged.size() == 1);
  CHECK(tables.logged[0] ==
        "static:OK: non-UTF-8 key \"caf?\": malformed UTF-8 or invalid codepoint");
}

TEST_CASE("proxy: opens only what proxy_read_maps names") {
  TestTables tables;
  CHECK(tables.ask("proxy:static:x", "k").starts_with("FATAL proxymap service is not configured"));
  tables.main_cf.set("proxy_read_maps", "proxy:static:x");
  CHECK(tables.ask("proxy:static:x", "k") == "x");
}

TEST_CASE("security-sensitive maps refuse substitution and proxies") {
  TestTables tables;
  auto options = tables.options();
  options.no_substitution = options.no_proxy = true;
  auto table = open_table(tables.loop, tables.main_cf, "regexp:{{/(a)/ $1} {/a/ plain}}", options);
  REQUIRE(table);
  CHECK(TestTables::text_of(await(tables.loop, (*table)->lookup("a"))) == "plain");
  CHECK(!open_table(tables.loop, tables.main_cf, "proxy:static:x", options));
}

TEST_CASE("the list of types names those of the registry") {
  auto listed = listed_types();
  CHECK(type_names() == std::vector<std::string>(listed.begin(), listed.end()));
}
