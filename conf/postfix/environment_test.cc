// SPDX-License-Identifier: Apache-2.0
#include "conf/postfix/environment.h"

#include "tests/catch.h"

namespace dovetail::conf {

TEST_CASE("only listed variables stay, and settings win") {
  std::vector<std::string> present = {"PATH=/bin", "TZ=UTC", "SECRET=x"};
  auto chosen =
      chosen_environment("TZ LANG, PATH=/usr/bin:/bin { GREETING = hello there }", present);
  REQUIRE(chosen);
  CHECK(*chosen ==
        std::vector<std::string>{"TZ=UTC", "PATH=/usr/bin:/bin", "GREETING=hello there"});
}

TEST_CASE("a malformed element is an error") {
  CHECK(!chosen_environment("=x", {}));
  CHECK(!chosen_environment("{ A = b", {}));
}

}  // namespace dovetail::conf
