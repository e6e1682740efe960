// Any bytes as what a client says to smtpd: the whole session with its line reader, verbs, restrictions, DATA and BDAT, on the
// surroundings of smtpd's own tests. The client may also use XCLIENT and XFORWARD.
// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "mta/smtpd/test_host.h"
#include "tests/fuzz/support.h"

using namespace dovetail;

namespace {

struct SmtpHouse {
  Loop loop;
  mta::smtpd::TestHost host{loop,
                            {{"smtpd_error_sleep_time", "0"},
                             {"smtpd_hard_error_limit", "100"},
                             {"smtpd_authorized_xclient_hosts", "192.0.2.0/24"},
                             {"smtpd_authorized_xforward_hosts", "192.0.2.0/24"},
                             {"smtpd_sasl_auth_enable", "yes"},
                             {"smtpd_tls_auth_only", "no"}}};
};

Task<> serve_smtp(SmtpHouse& house, base::Fd fd) {
  const auto peer = SockAddr::ip("192.0.2.10", 40000), local = SockAddr::ip("192.0.2.1", 25);
  mta::smtpd::Session session(house.host.server(), std::move(fd), *peer, *local);
  co_await session.run();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  tests::silence_log();
  static SmtpHouse house;
  tests::refuse(!house.host.problem().empty());
  tests::converse(house.loop, tests::input_text(data, size),
                  [](base::Fd fd) { return serve_smtp(house, std::move(fd)); });
  return 0;
}
