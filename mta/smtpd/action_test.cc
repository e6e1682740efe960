// SPDX-License-Identifier: Apache-2.0
#include "mta/smtpd/restrictions/action.h"

#include "tests/catch.h"

namespace dovetail::mta::smtpd {

TEST_CASE("the keys of access tables, in their order") {
  using Keys = std::vector<std::string>;
  CHECK(domain_keys("a.b.test", true) == Keys{"a.b.test", "b.test", "test"});
  CHECK(domain_keys("a.b.test", false) == Keys{"a.b.test", ".b.test", ".test"});
  CHECK(domain_keys("", true).empty());
  CHECK(network_keys("192.0.2.10") == Keys{"192.0.2.10", "192.0.2", "192.0", "192"});
  CHECK(network_keys("2001:db8::1") == Keys{"2001:db8::1", "2001:db8", "2001"});
  CHECK(sender_keys("u+x@d.test", "+", true) ==
        Keys{"u+x@d.test", "u@d.test", "d.test", "test", "u+x@", "u@"});
  CHECK(sender_keys("u@d.test", "", false) == Keys{"u@d.test", "d.test", ".test", "u@"});
  CHECK(sender_keys("u", "+", true) == Keys{"u"});
}

}  // namespace dovetail::mta::smtpd
