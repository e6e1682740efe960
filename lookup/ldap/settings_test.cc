// What an ldap: table's file says, and keys that try to become part of the filter or of the base.
// SPDX-License-Identifier: Apache-2.0
#include "lookup/ldap/settings.h"

#include "lookup/test_tables.h"
#include "tests/catch.h"

using namespace dovetail;
using namespace dovetail::lookup;

TEST_CASE("a key stays a key in a filter and in a distinguished name") {
  struct Row {
    std::string_view key;
    const char *filter, *dn;
  };
  // clang-format off
  static const Row rows[] = {
      {"joe@example.test",     "joe@example.test",             "joe@example.test"},
      {"*",                    "\\2a",                         "*"},
      {"a)(uid=*",             "a\\29\\28uid=\\2a",            "a)(uid\\=*"},
      {"a\\2a",                "a\\5c2a",                      "a\\\\2a"},
      {"x,dc=evil",            "x,dc=evil",                    "x\\,dc\\=evil"},
      {" #x ",                 " #x ",                         "\\ #x\\ "},
      {"#x",                   "#x",                           "\\#x"},
      {"a+b;c<d>\"e\"",        "a+b;c<d>\"e\"",                "a\\+b\\;c\\<d\\>\\\"e\\\""},
      {"a\nb",                 "a\nb",                         "a\\0ab"},
      {"\xc3\xbc",             "\xc3\xbc",                     "\xc3\xbc"},
      {std::string_view("a\0b", 3), "a\\00b",                  "a\\00b"},
  };
  // clang-format on
  for (auto& row : rows) {
    INFO(row.key);
    CHECK(quote_for_filter(row.key) == row.filter);
    CHECK(quote_for_dn(row.key) == row.dn);
  }
}

TEST_CASE("an ldap: table's file is read with the incumbent's warnings") {
  TestTables tables;
  auto options = tables.options();
  OpenContext context{tables.loop, tables.main_cf, options};
  auto cf = conf::TableCf::parse(
      "x.cf",
      "server_host = ldap://a ldaps://b:1 c d:99\nserver_port = 390\nscope = zork\nversion = 4\n"
      "cache = yes\nquery_filter = uid=x\nresult_attribute = a, b\nexpansion_limit = 7\n");
  REQUIRE(cf);
  auto settings = LdapSettings::read(context, *cf);
  REQUIRE(settings);
  CHECK(settings->urls == "ldap://a ldaps://b:1 ldap://c:390 ldap://d:99");
  CHECK(settings->version == 3);
  CHECK(settings->size_limit == 7);
  CHECK(settings->result == std::vector<std::string>{"a", "b"});
  std::vector<std::string> wanted{
      "dict_ldap_open: x.cf: Unrecognized value zork specified for scope; using sub",
      "dict_ldap_open: x.cf ignoring cache", "dict_ldap_open: x.cf Unknown version 4, using 3.",
      "dict_ldap_open: x.cf: Fixed query_filter uid=x is probably useless"};
  CHECK(tables.logged == wanted);
}

TEST_CASE("what an ldap: table's file may not say") {
  struct Row {
    const char *text, *error;
  };
  // clang-format off
  static const Row rows[] = {
      {"bind = zork\n",                       "x.cf: unsupported parameter value: bind = zork"},
      {"bind = sasl\nsasl_mechs = GSSAPI\n",  "x.cf: bind = sasl with sasl_mechs = GSSAPI is not supported; EXTERNAL is"},
      {"recursion_limit = 0\n",               "x.cf: invalid recursion_limit parameter value 0 < 1"},
      {"query_filter = %z\n",                 "db_common_parse: x.cf: Invalid query template: %z"},
      {"timeout = x\n",                       "x.cf: bad numerical configuration: timeout = x"},
      {"start_tls = maybe\n",                 "x.cf: bad boolean configuration: start_tls = maybe"},
  };
  // clang-format on
  TestTables tables;
  auto options = tables.options();
  OpenContext context{tables.loop, tables.main_cf, options};
  for (auto& row : rows) {
    INFO(row.text);
    auto cf = conf::TableCf::parse("x.cf", row.text);
    REQUIRE(cf);
    auto settings = LdapSettings::read(context, *cf);
    REQUIRE(!settings);
    CHECK(settings.error().text == row.error);
  }
}
