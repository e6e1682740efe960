// SPDX-License-Identifier: Apache-2.0
#include "conf/postfix/parameters.h"

#include <algorithm>

#include "conf/bind.h"
#include "tests/catch.h"

namespace dovetail::conf {

TEST_CASE("names are unique and found") {
  auto all = parameters();
  CHECK(all.size() > 850);
  auto twice =
      std::adjacent_find(all.begin(), all.end(), [](auto& a, auto& b) { return a.name >= b.name; });
  CHECK(twice == all.end());
  for (const Parameter& p : all) CHECK(find_parameter(p.name) == &p);
  CHECK(!find_parameter("no_such_parameter"));
}

TEST_CASE("every default is a valid value of its own parameter") {
  auto cf = MainCf::parse("/x", "myhostname = a.example\nmynetworks =\ncompatibility_level = 2\n");
  for (const Parameter& p : parameters()) {
    if (p.status == Status::removed || p.status == Status::legacy_alias ||
        p.name == "compatibility_level")
      continue;
    INFO(p.name);
    Result<void> valid;
    if (p.type == Type::boolean || p.type == Type::nboolean) {
      if (auto r = read_bool(*cf, p.name); !r) valid = r.error();
    } else if (p.type == Type::time) {
      if (auto r = read_time(*cf, p.name); !r) valid = r.error();
    } else if (p.type == Type::integer || p.type == Type::nint || p.type == Type::long_integer) {
      if (auto r = read_long(*cf, p.name); !r) valid = r.error();
    } else if (p.name != "debugger_command" && p.name != "virtual_mailbox_base") {
      if (auto r = read_string(*cf, p.name); !r) valid = r.error();
    }
    std::string reason = valid ? "" : valid.error().text;
    CHECK(reason == "");
  }
}

TEST_CASE("the longest family suffix wins") {
  auto family = find_transport_parameter("smtp_extra_recipient_limit");
  REQUIRE(family);
  CHECK(family->transport == "smtp");
  CHECK(family->family->default_name == "default_extra_recipient_limit");
  CHECK(!find_transport_parameter("_recipient_limit"));
}

}  // namespace dovetail::conf
