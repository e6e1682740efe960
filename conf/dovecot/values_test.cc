// SPDX-License-Identifier: Apache-2.0
#include "conf/dovecot/values.h"

#include <set>

#include "conf/dovecot/schema.h"
#include "tests/catch.h"

namespace dovetail::conf::dovecot {

namespace {

struct ValueRow {
  Type type;
  std::string_view text, printed, error;
};

}  // namespace

TEST_CASE("values are read, checked and printed as doveconf does") {
  auto row = GENERATE(
      ValueRow{Type::boolean, "Y", "yes", ""}, ValueRow{Type::boolean, "1", "yes", ""},
      ValueRow{Type::boolean, "n", "", "Invalid boolean value: n (use yes or no)"},
      ValueRow{Type::number, "007", "7", ""},
      ValueRow{Type::number, "-1", "", "Invalid number -1: Number too small"},
      ValueRow{Type::number, "4294967296", "", "Invalid number 4294967296: Number too large"},
      ValueRow{Type::number, "10k", "", "Invalid number 10k: Not a valid number"},
      ValueRow{Type::octal, "0660", "0660", ""}, ValueRow{Type::octal, "660", "01224", ""},
      ValueRow{Type::octal, "0668", "", "Invalid number: 0668"},
      ValueRow{Type::octal, "0", "00", ""}, ValueRow{Type::size, "10 MB", "10 M", ""},
      ValueRow{Type::size, "1kiB", "1 k", ""}, ValueRow{Type::size, "10", "10 B", ""},
      ValueRow{Type::size, "1024M", "1 G", ""},
      ValueRow{Type::size, "1.5M", "", "Invalid size: 1.5M"},
      ValueRow{Type::size, "17179869184G", "", "Size is too large: 17179869184G"},
      ValueRow{Type::time, "120s", "2 mins", ""}, ValueRow{Type::time, "1se", "1 secs", ""},
      ValueRow{Type::time, "7 days", "1 weeks", ""}, ValueRow{Type::time, "5000ms", "5 secs", ""},
      ValueRow{Type::time, "500ms", "", "Milliseconds not supported for this setting: 500ms"},
      ValueRow{Type::time, "10", "",
               "Time interval '10' is missing units (add e.g. 's' for seconds)"},
      ValueRow{Type::time, "4294967296s", "", "Time interval is too large: 4294967296s"},
      ValueRow{Type::time_ms, "1500 ms", "1500 ms", ""},
      ValueRow{Type::time_ms, "2m", "2 mins", ""}, ValueRow{Type::port, "080", "80", ""},
      ValueRow{Type::port, "65536", "", "Invalid port number 65536"},
      ValueRow{Type::choice, "c", "", "Invalid value: c"}, ValueRow{Type::choice, "b", "b", ""});
  INFO(row.text);
  auto value = canonical_value(row.type, "a|b", row.text);
  CHECK((value ? *value : std::string()) == row.printed);
  CHECK((value ? std::string() : value.error().text) == row.error);
}

TEST_CASE("every default is a value of its type in doveconf's form") {
  for (std::string_view block : {"", "service", "unix_listener", "inet_listener", "passdb",
                                 "userdb", "namespace", "mailbox", "metric", "event_exporter"}) {
    REQUIRE(!settings_of(block).empty());
    std::set<std::string_view> names;
    for (auto& row : settings_of(block)) {
      INFO(row.name);
      CHECK(names.insert(row.name).second);
      if (row.type >= Type::named_list) continue;
      auto value = canonical_value(row.type, row.choices, default_of(block, row));
      REQUIRE(value);
      CHECK(*value == default_of(block, row));
    }
  }
  CHECK(builtin_services().size() == 32);
  for (auto& value : builtin_service_values()) {
    auto row = find_setting("service", value.key);
    REQUIRE(row);
    CHECK(canonical_value(row->type, row->choices, value.value));
  }
}

TEST_CASE("block names survive a path") {
  for (std::string_view name : {"", "a", "a/b", "a b", "a\\b", "a=b", "/var/x y"}) {
    CHECK(escape_name(name).find('/') == std::string::npos);
    CHECK(unescape_name(escape_name(name)) == name);
  }
}

}  // namespace dovetail::conf::dovecot
