// SPDX-License-Identifier: Apache-2.0
#include "mta/master/service_table.h"

#include "tests/catch.h"

namespace dovetail::mta {

TEST_CASE("master_service_disable names services, types and exceptions") {
  CHECK(service_is_disabled("submission/inet", "submission", "inet"));
  CHECK(!service_is_disabled("submission/inet", "smtp", "inet"));
  CHECK(!service_is_disabled("submission/inet", "submission", "unix"));
  CHECK(service_is_disabled("submission.inet", "submission", "inet"));
  CHECK(service_is_disabled("127.0.0.1:25/inet", "127.0.0.1:25", "inet"));
  CHECK(service_is_disabled("inet", "smtp", "inet"));
  CHECK(!service_is_disabled("!smtp/inet, inet", "smtp", "inet"));
  CHECK(service_is_disabled("!smtp/inet, inet", "smtps", "inet"));
  CHECK(!service_is_disabled("", "smtp", "inet"));
}

TEST_CASE("programs without a process of their own say where their work is done") {
  for (auto name : {"tlsmgr", "scache", "tlsproxy", "dnsblog"}) {
    INFO(name);
    CHECK(!absorbed_program(name).empty());
  }
  for (auto name : {"smtpd", "proxymap", "verify", "virtual", "pipe", "spawn"}) {
    INFO(name);
    CHECK(absorbed_program(name).empty());
  }
}

}  // namespace dovetail::mta
