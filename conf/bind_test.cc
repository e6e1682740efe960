// SPDX-License-Identifier: Apache-2.0
#include "conf/bind.h"

#include "tests/catch.h"

namespace dovetail::conf {
namespace {

struct TestParameters {
  std::string smtpd_banner;
  int smtpd_recipient_limit = 0;
  long message_size_limit = 0;
  bool smtpd_delay_reject = false;
  Seconds smtpd_timeout{};
  std::vector<std::string> mydestination;
};

constexpr Bind<TestParameters> kTestBindings[] = {
    {"smtpd_banner", &TestParameters::smtpd_banner},
    {"smtpd_recipient_limit", &TestParameters::smtpd_recipient_limit},
    {"message_size_limit", &TestParameters::message_size_limit},
    {"smtpd_delay_reject", &TestParameters::smtpd_delay_reject},
    {"smtpd_timeout", &TestParameters::smtpd_timeout},
    {"mydestination", &TestParameters::mydestination},
};

MainCf main_cf_of(std::string_view text) {
  auto cf = MainCf::parse("/etc/postfix", text);
  REQUIRE(cf);
  return *cf;
}

std::string time_error(std::string_view text) {
  return read_time(main_cf_of(text), "ipc_timeout").error().text;
}

}  // namespace

TEST_CASE("a struct is filled from defaults and main.cf") {
  auto cf =
      main_cf_of("myhostname = mx.example.test\nsmtpd_recipient_limit = 7\nmydestination = a, b\n");
  auto values = read(cf, kTestBindings);
  REQUIRE(values);
  CHECK(values->smtpd_banner == "mx.example.test ESMTP Postfix");
  CHECK(values->smtpd_recipient_limit == 7);
  CHECK(values->message_size_limit == 10240000);
  CHECK(values->smtpd_delay_reject);
  CHECK(values->smtpd_timeout == Seconds(300));
  CHECK(values->mydestination == std::vector<std::string>{"a", "b"});
  auto stressed = read(cf.stressed(), kTestBindings);
  REQUIRE(stressed);
  CHECK(stressed->smtpd_timeout == Seconds(10));
}

TEST_CASE("bad values have the incumbent's words") {
  CHECK(time_error("ipc_timeout = 10q") == "parameter ipc_timeout: bad time value or unit: 10q");
  CHECK(time_error("ipc_timeout = 0") == "invalid ipc_timeout: 0 (min 1)");
  auto cf = main_cf_of(
      "line_length_limit = 10\nbiff = maybe\nmail_owner =\ndefault_verp_delimiters=abc\n"
      "delay_logging_resolution_limit = 9\nberkeley_db_read_buffer_size = 99999999999\n");
  CHECK(read_int(cf, "line_length_limit").error().text ==
        "invalid line_length_limit parameter value 10 < 512");
  CHECK(read_int(cf, "delay_logging_resolution_limit").error().text ==
        "invalid delay_logging_resolution_limit parameter value 9 > 6");
  CHECK(read_int(cf, "berkeley_db_read_buffer_size").error().text ==
        "bad numerical configuration: berkeley_db_read_buffer_size = 99999999999");
  CHECK(read_bool(cf, "biff").error().text == "bad boolean configuration: biff = maybe");
  CHECK(read_string(cf, "mail_owner").error().text == "bad string length 0 < 1: mail_owner = ");
  CHECK(read_string(cf, "default_verp_delimiters").error().text ==
        "bad string length 3 > 2: default_verp_delimiters = abc");
}

TEST_CASE("a transport's parameter has the type and default of its family") {
  auto cf = main_cf_of("lmtp_destination_recipient_limit = 1\nslow_destination_rate_delay = 2\n");
  CHECK(*read_int(cf, "lmtp_destination_recipient_limit") == 1);
  CHECK(*read_int(cf, "smtp_destination_recipient_limit") == 50);
  CHECK(*read_time(cf, "slow_destination_rate_delay") == Seconds(2));
  CHECK(*read_time(cf, "mypipe_time_limit") == Seconds(1000));
}

TEST_CASE("a field of the wrong kind is found") {
  auto cf = main_cf_of("");
  CHECK(!read_int(cf, "smtpd_banner"));
  CHECK(!read_bool(cf, "no_such_parameter"));
  CHECK(!read_string(cf, "no_such_parameter"));
}

}  // namespace dovetail::conf
