// SPDX-License-Identifier: Apache-2.0
#include "conf/expand.h"

#include <map>

#include "tests/catch.h"

namespace dovetail::conf {
namespace {

// Names known to these tests; an error is shown as "error: TEXT".
std::string expand_for_test(std::string_view text, ExpandOptions options = {}) {
  static const std::map<std::string, std::string, std::less<>> names = {
      {"myhostname", "mx.example.test"},
      {"mydomain", "example.test"},
      {"empty", ""},
      {"loop", "$loop"},
      {"origin", "<$mydomain>"},
      {"odd", "a;b c"},
  };
  auto lookup = [](std::string_view name, bool) -> std::optional<std::string> {
    auto at = names.find(name);
    return at == names.end() ? std::nullopt : std::optional(at->second);
  };
  auto expanded = expand(text, lookup, options);
  return expanded ? expanded->text : "error: " + expanded.error().text;
}

struct Row {
  const char* text;
  const char* expected;
};

// clang-format off
const Row kRows[] = {
    {"plain",                                            "plain"},
    {"$myhostname ESMTP",                                "mx.example.test ESMTP"},
    {"a${mydomain}b$(mydomain)c",                        "aexample.testbexample.testc"},
    {"a$$b$$$mydomain",                                  "a$b$example.test"},
    {"x$origin",                                         "x<example.test>"},
    {"[$nope]",                                          "[]"},
    {"${ myhostname }",                                  "mx.example.test"},
    {"${mydomain?yes}${empty?no}${nope?no}",             "yes"},
    {"${mydomain:no}${empty:yes}",                       "yes"},
    {"${mydomain?{ a }:{b}}",                            " a "},
    {"${empty?{a}:{b}}",                                 "b"},
    {"${empty?{a}:rest {x}",                             "error: truncated macro reference: \"${empty?{a}:rest {x}\""},
    {"${mydomain?x:y}",                                  "x:y"},
    {"${mydomain?${empty:{$myhostname}}}",               "mx.example.test"},
    {"${{$mydomain} == {example.test} ? {y} : {n}}",     "y"},
    {"${{9} < {10}?{y}:{n}}",                            "y"},
    {"${{9a} < {10}?{y}:{n}}",                           "n"},
    {"${{08} == {8} ? {y} : {n}}",                       "y"},
    {"${{a} == {b} ? {x}}",                              ""},
    {"${{a} == {b}}",                                    ""},
    {"${{3.10} >level {3.9} ? {y} : {n}}",               "y"},
    {"${{x} <level {2} ? {y} : {n}}",                    "error: malformed compatibility level syntax: \"x\""},
    {"$loop",                                            "error: unreasonable macro call nesting: \"loop\""},
    {"a$",                                               "error: empty macro name: \"a$\""},
    {"${}",                                              "error: empty macro name: \"${}\""},
    {"${myhostname",                                     "error: truncated macro reference: \"${myhostname\""},
    {"${myhostname z}",                                  "error: attribute name syntax error at: \"...myhostname>>> z\""},
    {"${{a} == b ? {x}}",                                "error: \"{expression}\" expected at: \"...{a} ==>>> b ? {x}\""},
    {"${{a} == {b} {x}}",                                "error: \"?\" or \":\" expected at: \"...}>>>{x}\""},
    {"${{a} == {a} ? {x} y}",                            "error: \":\" expected at: \"...x}>>>y\""},
    {"${{a} == {a} ? {x} : {y} z}",                      "error: unexpected input at: \"...y}>>>z\""},
    {"${{a} ~ {b} ? {yes} : {no}}",
     "error: \"==\" or \"!=\"\" or \"<\"\" or \"<=\"\" or \">=\"\" or \">\" expected at: \"...a}>>>~ {b} ? {yes} : {no}\""},
};
// clang-format on

}  // namespace

TEST_CASE("macros expand as the incumbent's") {
  for (const Row& row : kRows) {
    INFO(row.text);
    CHECK(expand_for_test(row.text) == row.expected);
  }
}

TEST_CASE("a filter replaces characters of values only") {
  CHECK(expand_for_test("$odd;x", {.recursive = false, .filter = "abc"}) == "a_b_c;x");
}

TEST_CASE("without recursion a value is taken as it is") {
  CHECK(expand_for_test("$loop $origin", {.recursive = false}) == "$loop <$mydomain>");
}

TEST_CASE("a scan sees the names of both branches") {
  std::string seen;
  auto done = scan_names("$a ${b?{$c}:{${d}}} ${{$e} <level {$f} ? {$g} : {$h}}",
                         [&](std::string_view name) { seen += name; });
  REQUIRE(done);
  CHECK(seen == "abcdefgh");
}

}  // namespace dovetail::conf
