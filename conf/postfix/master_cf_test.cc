// SPDX-License-Identifier: Apache-2.0
#include "conf/postfix/master_cf.h"

#include "tests/catch.h"

namespace dovetail::conf {
namespace {

std::string master_error(std::string_view text) {
  auto services = parse_master_cf("/x/master.cf", text);
  return services ? "" : services.error().text;
}

}  // namespace

TEST_CASE("a service has eight fields, options and arguments") {
  auto services = parse_master_cf(
      "/x/master.cf",
      "# comment\nsubmission inet n - y 60? 5 smtpd\n  -o syslog_name=postfix/submission\n"
      "# between\n  -o { smtpd_banner = hello there } -v\n"
      "x unix - n n - - pipe\n  flags=R user=vmail argv={/bin/x y} ${nexthop}\n");
  REQUIRE(services);
  REQUIRE(services->size() == 2);
  const MasterService& s = (*services)[0];
  CHECK(s.name == "submission");
  CHECK(s.type == "inet");
  CHECK(!s.private_endpoint());
  CHECK(s.run_unprivileged());
  CHECK(s.chroot == MasterService::Flag::yes);
  CHECK(s.wakeup == 60);
  CHECK(s.wakeup_if_used);
  CHECK(s.process_limit == 5);
  CHECK(s.program == "smtpd");
  CHECK(s.line == 2);
  REQUIRE(s.overrides.size() == 2);
  CHECK(s.overrides[1].name == "smtpd_banner");
  CHECK(s.overrides[1].value == "hello there");
  CHECK(s.arguments.back() == "-v");
  const MasterService& pipe = (*services)[1];
  CHECK(pipe.own_arguments ==
        std::vector<std::string>{"flags=R", "user=vmail", "argv={/bin/x y}", "${nexthop}"});
  CHECK(pipe.process_limit == -1);
}

TEST_CASE("-o may stand in a bundle of options") {
  auto service = parse_master_line("smtp inet n - n - - smtpd -vo a=b -oc=d -o");
  REQUIRE(service);
  CHECK(service->arguments == std::vector<std::string>{"-v", "-o", "a=b", "-o", "c=d", "-o"});
  CHECK(service->overrides.size() == 2);
}

TEST_CASE("the parent's words for a bad field name file and line") {
  MasterCfOptions options;
  options.as_parent = true;
  auto error = [&](std::string_view text) {
    auto services = parse_master_cf("/x/master.cf", text, options);
    return services ? std::string() : services.error().text;
  };
  CHECK(error("a unix n - n - - x\nsmtp inet z - n - - smtpd\n") ==
        "/x/master.cf: line 2: field \"private\": bad value: \"z\"");
  CHECK(error("25 inet y - n - - smtpd\n") ==
        "/x/master.cf: line 1: an inet service cannot be private");
  CHECK(error("smtp inet n -\n") == "file /x/master.cf: line 1: bad field count");
}

TEST_CASE("bad fields have the incumbent's words") {
  CHECK(master_error("smtp inet n -\n") == "file /x/master.cf: line 1: bad field count");
  CHECK(master_error("smtp zork n - n - - smtpd\n") ==
        "invalid type field \"zork\" in \"smtp zork n - n - - smtpd\"");
  CHECK(master_error("smtp inet z - n - - smtpd\n") ==
        "invalid private field \"z\" in \"smtp inet z - n - - smtpd\"");
  CHECK(master_error("smtp inet n q n - - smtpd\n") ==
        "invalid unprivileged field \"q\" in \"smtp inet n q n - - smtpd\"");
  CHECK(master_error("smtp inet n - z - - smtpd\n") ==
        "invalid chroot field \"z\" in \"smtp inet n - z - - smtpd\"");
  CHECK(master_error("smtp unix n - n 1x - smtpd\n") ==
        "invalid wakeup field \"1x\" in \"smtp unix n - n 1x - smtpd\"");
  CHECK(master_error("smtp unix n - n - x smtpd\n") ==
        "invalid process_limit field \"x\" in \"smtp unix n - n - x smtpd\"");
}

TEST_CASE("a dash in chroot follows compatibility_level") {
  auto service = parse_master_line("smtp inet n - - - - smtpd");
  REQUIRE(service);
  CHECK(service->run_chrooted(*MainCf::parse("/x", "compatibility_level = 0\n")));
  CHECK(!service->run_chrooted(*MainCf::parse("/x", "compatibility_level = 2\n")));
}

TEST_CASE("bad braces are warned of and go on") {
  std::vector<std::string> warnings;
  MasterCfOptions options{[&](const std::string& text) { warnings.push_back(text); }};
  auto service = parse_master_line("smtp inet n - n - - smtpd -o {a=b}x -o { c", options);
  REQUIRE(service);
  REQUIRE(warnings.size() == 3);
  CHECK(warnings[0] == "master.cf: syntax error after '}' in \"{a=b}x\"");
  CHECK(warnings[1] == "master.cf: missing '}' in \"{ c\"");
  CHECK(service->overrides.size() == 1);
}

}  // namespace dovetail::conf
