// SPDX-License-Identifier: Apache-2.0
#include "conf/dovecot/variables.h"

#include <cstdlib>

#include "tests/catch.h"

namespace dovetail::conf::dovecot {

namespace {

struct VariableRow {
  std::string_view form, text;
};

Variables frank() {
  auto variables = user_variables("Frank@Example.org", "imap", "/home/frank");
  variables.table.push_back({'i', "uid", "2000"});
  variables.by_prefix = [](std::string_view prefix,
                           std::string_view rest) -> std::optional<std::string> {
    if (prefix == "userdb") return "<" + std::string(rest) + ">";
    return std::nullopt;
  };
  return variables;
}

}  // namespace

// Results of 2.3.19.1 for user Frank@Example.org.
TEST_CASE("variables with widths, modifiers and hashes") {
  auto row = GENERATE(
      VariableRow{"%u", "Frank@Example.org"}, VariableRow{"%n", "Frank"}, VariableRow{"%2u", "Fr"},
      VariableRow{"%2.3u", "ank"}, VariableRow{"%-3.2u", "or"}, VariableRow{"%-3u", "Fra"},
      VariableRow{"%020u", "000Frank@Example.org"}, VariableRow{"%0.8u", "Frank@Ex"},
      VariableRow{"%.08u", "Frank@Example.org"}, VariableRow{"%Hu", "a274687"},
      VariableRow{"%2.256Hu", "87"}, VariableRow{"%10.256Hu", "0000000087"},
      VariableRow{"%Nu", "4b7e7795"}, VariableRow{"%2.256Nu", "95"}, VariableRow{"%8Nu", "5"},
      VariableRow{"%Mu", "a507b80c4b7e779599b771ebd6dd4cb1"},
      VariableRow{"%Ru", "gro.elpmaxE@knarF"}, VariableRow{"%LDd", "example,dc=org"},
      VariableRow{"%Xi", "7d0"}, VariableRow{"%L{user}", "frank@example.org"},
      VariableRow{"%2.1{user}", "a"}, VariableRow{"%LUu", "FRANK@EXAMPLE.ORG"},
      VariableRow{"%1Ln/%{home}", "f//home/frank"}, VariableRow{"%%x%", "%x"},
      VariableRow{"%{md5:user}", "a507b80c4b7e779599b771ebd6dd4cb1"},
      VariableRow{"%{sha256;truncate=12:user}", "04ea"},
      VariableRow{"%{sha1;truncate=12:user}", "0ec0"},
      VariableRow{"%{sha1;format=base64:user}", "7A7WPqT0PwSDzWsIqox5Fz/Kh64="},
      VariableRow{"%{sha1;rounds=2,salt=ab:user}", "bc70509e9333cb3b806b3eeba20fa033673b160b"},
      VariableRow{"%{if;%u;eq;Frank@Example.org;yes;no}", "yes"},
      VariableRow{"%{if;3;<;10;a%n;b}", "aFrank"}, VariableRow{"%{if;abc;*;a*;y;n}", "y"},
      VariableRow{"%{if;abc;~;^a.c$;y;n}", "y"}, VariableRow{"%{if;abc;!~;^a.c$;y;n}", "n"},
      VariableRow{"%{if;%{user};ne;;%{domain};x\\;y}", "Example.org"},
      VariableRow{"%{userdb:quota}", "<quota>"});
  INFO(row.form);
  auto done = expand_variables(row.form, frank());
  CHECK(done.text == row.text);
  CHECK(done.error == "");
}

TEST_CASE("what is not known is named") {
  auto variables = frank();
  auto done = expand_variables("a%zb%{foo}", variables);
  CHECK(done.text == "aUNSUPPORTED_VARIABLE_zbUNSUPPORTED_VARIABLE_foo");
  CHECK(done.error == "Unknown variable '%z'");
  CHECK(expand_variables("%{user", variables).error == "Unknown variable '%{'");
  CHECK(expand_variables("%{nohash:user}", variables).error == "Unknown variable '%nohash'");
  CHECK(expand_variables("%{if;1;xx;2;y;n}", variables).error == "if: Unsupported comparator 'xx'");
  setenv("DOVETAIL_TEST_VARIABLE", "v", 1);
  CHECK(expand_variables("%{env:DOVETAIL_TEST_VARIABLE}", variables).text == "v");
}

TEST_CASE("a user without domain has an empty one") {
  auto variables = user_variables("frank", "imap");
  CHECK(expand_variables("%n-%d-%u", variables).text == "frank--frank");
}

TEST_CASE("uses_variable sees through modifiers and conditions") {
  CHECK(uses_variable("a%2.1Lub", 'u', "user"));
  CHECK(uses_variable("%{if;x;eq;y;%u;z}", 'u', "user"));
  CHECK(uses_variable("%{sha1:user}", 'u', "user"));
  CHECK(!uses_variable("%%u %n", 'u', "user"));
}

}  // namespace dovetail::conf::dovecot
