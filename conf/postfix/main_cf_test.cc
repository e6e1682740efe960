// SPDX-License-Identifier: Apache-2.0
#include "conf/postfix/main_cf.h"

#include <algorithm>

#include "common/base/text.h"
#include "conf/postfix/common_parameters.h"
#include "conf/postfix/compat.h"
#include "conf/postfix/own_addresses.h"
#include "conf/postfix/table_cf.h"
#include "tests/catch.h"

namespace dovetail::conf {
namespace {

Result<MainCf> parse_main(std::string_view text, const std::vector<Override>& dash_o = {}) {
  return MainCf::parse("/x", text, dash_o, {.process_name = "smtpd", .service_name = "submission"});
}

std::string common_error(std::string text) {
  text = "myhostname = a.example\nmynetworks = 127.0.0.0/8\n" + text;
  auto cf = parse_main(text);
  if (!cf) return cf.error().text;
  auto valid = check_common_parameters(*cf);
  return valid ? "" : valid.error().text;
}

}  // namespace

TEST_CASE("a log file must begin with one of the allowed prefixes") {
  CHECK(common_error("maillog_file = /var/log/x").empty());
  CHECK(common_error("maillog_file =").empty());
  CHECK(common_error("maillog_file = /srv/x\nmaillog_file_prefixes = /opt, /s").empty());
  CHECK(common_error("maillog_file = /srv/x") ==
        "maillog_file value '/srv/x' does not match any prefix in maillog_file_prefixes");
}

TEST_CASE("continuation lines, comments and carriage returns") {
  auto cf =
      parse_main("relayhost = a\r\n\n   # comment\n  b\n#x\nbiff = no # data\nempty =  \nlast = z");
  REQUIRE(cf);
  CHECK(*cf->raw("relayhost") == "a\r  b");
  CHECK(*cf->raw("biff") == "no # data");
  CHECK(cf->is_set("empty"));
  CHECK(*cf->raw("empty") == "");
  CHECK(*cf->raw("last") == "z");
  CHECK(cf->warnings().empty());
}

TEST_CASE("bad lines name file and line") {
  CHECK(parse_main("a = b\n\nfoo\n bar\n").error().text ==
        "/x/main.cf, line 3: missing '=' after attribute name: \"foo bar\"");
  CHECK(parse_main("= value\n").error().text ==
        "/x/main.cf, line 1: missing attribute name: \"= value\"");
}

TEST_CASE("a later entry wins, with a warning if it differs") {
  auto cf = parse_main("  first = x\na = 1\na = 1\na = 2\n");
  REQUIRE(cf);
  CHECK(*cf->raw("a") == "2");
  REQUIRE(cf->warnings().size() == 2);
  CHECK(cf->warnings()[0] ==
        "/x/main.cf: logical line must not start with whitespace: \"  first = x\"");
  CHECK(cf->warnings()[1] == "/x/main.cf, line 4: overriding earlier entry: a=1");
}

TEST_CASE("overrides of the command line stand above the file") {
  auto o = parse_override("{ smtpd_banner = hello there }");
  REQUIRE(o);
  auto cf = parse_main("smtpd_banner = x\n", {*o});
  CHECK(cf->get("smtpd_banner") == "hello there");
  CHECK(cf->with({{"smtpd_banner", "y"}}).get("smtpd_banner") == "y");
}

TEST_CASE("mydomain follows myhostname") {
  CHECK(parse_main("myhostname=a.b.example.test\n")->get("mydomain") == "b.example.test");
  CHECK(parse_main("myhostname=vm\n")->get("mydomain") == "localdomain");
  CHECK(parse_main("myhostname=vm\n")->get("syslog_name") == "postfix");
  CHECK(parse_main("syslog_name=postfix/$service_name\n")->get("syslog_name") ==
        "postfix/submission");
  CHECK(parse_main("")->get("process_name") == "smtpd");
}

TEST_CASE("defaults that go round in a circle end") {
  CHECK(parse_main("myhostname = host.$mydomain\n")->get("myhostname") == "host.");
  CHECK(parse_main("inet_interfaces = loopback-only $mynetworks\n")->raw("mynetworks"));
}

TEST_CASE("compatibility_level chooses defaults") {
  auto old_level = parse_main("myhostname = mx.example\n");
  CHECK(old_level->get("append_dot_mydomain") == "yes");
  CHECK(old_level->get("mynetworks_style") == "subnet");
  CHECK(old_level->get("smtpd_relay_restrictions") == "");
  auto level = parse_main("compatibility_level = 3.6\n");
  CHECK(level->get("append_dot_mydomain") == "no");
  CHECK(level->get("mynetworks_style") == "host");
  CHECK(level->get("relay_domains") == "");
  CHECK(level->get("smtp_tls_fingerprint_digest") == "sha256");
}

TEST_CASE("old defaults are known as such") {
  CHECK(uses_old_default(*parse_main(""), "append_dot_mydomain"));
  CHECK(!uses_old_default(*parse_main("append_dot_mydomain = yes\n"), "append_dot_mydomain"));
  CHECK(uses_old_default(*parse_main("compatibility_level = 2\n"), "respectful_logging"));
  CHECK(!uses_old_default(*parse_main("compatibility_level = 3.10\n"), "respectful_logging"));
  CHECK(!uses_old_default(*parse_main("compatibility_level = 2\n"), "relay_domains"));
}

TEST_CASE("a legacy name counts only when somebody sets it") {
  CHECK(parse_main("")->get("virtual_alias_maps") == "");
  CHECK(!parse_main("")->raw("virtual_maps"));
  CHECK(parse_main("virtual_maps = hash:x\n")->get("virtual_alias_maps") == "hash:x");
  CHECK(parse_main("")->get("postscreen_denylist_action") == "ignore");
}

TEST_CASE("raw parameters keep their macros") {
  CHECK(parse_main("mailbox_command = /bin/x $EXTENSION\n")->get("mailbox_command") ==
        "/bin/x $EXTENSION");
}

TEST_CASE("a malformed macro is an error and a warning") {
  auto cf = parse_main("mydomain = $mydomain\n");
  auto value = cf->value("mydomain");
  REQUIRE(!value);
  CHECK(value.error().text == "dictionary mail_dict: macro processing error");
  CHECK(cf->warnings().at(0) == "unreasonable macro call nesting: \"mydomain\"");
}

TEST_CASE("what all programs share is checked at start") {
  CHECK(common_error("") == "");
  CHECK(common_error("biff = maybe\n") == "");
  CHECK(common_error("smtputf8_enable = maybe\n") ==
        "bad boolean configuration: smtputf8_enable = maybe");
  CHECK(common_error("compatibility_level = x\n") == "malformed compatibility level syntax: \"x\"");
  CHECK(common_error("inet_protocols = zork\n") ==
        "unknown inet_protocols value \"zork\" in \"zork\"");
  CHECK(common_error("mydomain = -x\n") ==
        "file /x/main.cf: parameter mydomain: bad parameter value: -x");
}

TEST_CASE("host names are checked") {
  CHECK(check_hostname("mx.example.test"));
  CHECK(check_hostname("a_b.c-d"));
  CHECK(check_hostname("-bad-").error().text == "misplaced hyphen: -bad-");
  CHECK(check_hostname("a..b").error().text == "misplaced delimiter: a..b");
  CHECK(check_hostname("1.2.3.4").error().text == "numeric hostname: 1.2.3.4");
}

TEST_CASE("own addresses are those of inet_interfaces") {
  auto addresses =
      own_addresses(*parse_main("inet_interfaces = loopback-only\ninet_protocols = ipv4\n"));
  REQUIRE(addresses);
  REQUIRE(addresses->size() == 1);
  CHECK((*addresses)[0].bytes == std::string("\x7f\0\0\1", 4));
  CHECK(parse_main("inet_interfaces = 127.0.0.1\nmynetworks_style = host\n")->get("mynetworks") ==
        "127.0.0.1/32");
  auto foreign = own_addresses(*parse_main("inet_interfaces = 203.0.113.9\n"));
  CHECK(foreign.error().text ==
        "parameter inet_interfaces: no local interface found for 203.0.113.9");
}

TEST_CASE("unsupported settings are found by action and program") {
  auto cf = parse_main("biff = no\nsmtpd_delay_reject = yes\n");
  CHECK(unsupported_parameters(*cf, Unsupported::ignore) == std::vector<std::string>{"biff"});
  CHECK(unsupported_parameters(*cf, Unsupported::ignore, "smtpd").empty());
  CHECK(unsupported_parameters(*cf, Unsupported::defer).empty());  // as the default
}

TEST_CASE("a program holds mail for what it alone would have to obey") {
  base::capture_log([](base::Level, std::string_view, std::string_view) {});
  Logger log("test");
  auto held = [&](const char* text, std::string_view program) {
    return parameters_that_hold_mail(*parse_main(text), program, log);
  };
  using Names = std::vector<std::string>;
  CHECK(held("smtp_header_checks = regexp:/x\n", "smtp") == Names{"smtp_header_checks"});
  CHECK(held("smtp_header_checks = regexp:/x\n", "lmtp").empty());
  CHECK(held("lmtp_header_checks = regexp:/x\n", "lmtp") == Names{"lmtp_header_checks"});
  CHECK(held("smtp_header_checks = regexp:/x\n", "smtpd").empty());
  CHECK(held("smtp_header_checks =\n", "smtp").empty());  // as the default
  CHECK(held("tls_config_name = other\n", "smtpd") == Names{"tls_config_name"});
  CHECK(held("tls_config_name = other\n", "local").empty());
  CHECK(held("queue_file_attribute_count_limit = 7\n", "cleanup") ==
        Names{"queue_file_attribute_count_limit"});
  base::capture_log(nullptr);
}

// Whoever a row of action "defer" names must be a program that keeps mail back for it.
TEST_CASE("every parameter that must hold mail is read by a program that can") {
  constexpr std::string_view programs[] = {"smtpd",   "smtp", "lmtp",  "local",
                                           "virtual", "pipe", "error", "discard",
                                           "cleanup", "qmgr", "bounce"};
  // Not programs of ours, or commands that refuse for themselves.
  constexpr std::string_view others[] = {"postscreen", "qmqpd",    "tlsproxy",
                                         "postmulti",  "postdrop", "proxymap"};
  for (auto& row : parameters()) {
    if (row.unsupported != Unsupported::defer) continue;
    auto reads = [&](std::string_view program) { return program_reads(program, row); };
    auto names = base::words(row.programs);
    bool elsewhere = std::all_of(names.begin(), names.end(), [&](auto name) {
      return std::find(std::begin(others), std::end(others), name) != std::end(others);
    });
    INFO(std::string(row.name) + " of " + std::string(row.programs));
    CHECK((elsewhere || std::any_of(std::begin(programs), std::end(programs), reads)));
  }
}

TEST_CASE("table files and table parameters of main.cf") {
  auto file = TableCf::parse("/x/t.cf", "hosts = a\n b\nquery = SELECT '%s' $x\nport = 12x\n");
  REQUIRE(file);
  CHECK(file->get("query") == "SELECT '%s' $x");
  CHECK(file->get("hosts") == "a b");
  CHECK(file->get("user", "u") == "u");
  CHECK(file->get_int("port", 3306, 0, 0).error().text ==
        "/x/t.cf: bad numerical configuration: port = 12x");
  auto cf = parse_main("foo_hosts = $mydomain\nmydomain = d.example\n");
  auto table = TableCf::open(*cf, "mysql", "foo");
  REQUIRE(table);
  CHECK(table->get("hosts") == "d.example");
  auto missing = TableCf::open(*cf, "mysql", "/no/such.cf");
  CHECK(missing.error().text ==
        "open \"mysql\" configuration \"/no/such.cf\": No such file or directory");
}

}  // namespace dovetail::conf
