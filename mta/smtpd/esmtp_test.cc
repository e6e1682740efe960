// SPDX-License-Identifier: Apache-2.0
#include "mta/smtpd/esmtp.h"

#include "mta/smtpd/names.h"
#include "mta/smtpd/restrictions/dns_list_pattern.h"
#include "tests/catch.h"

namespace dovetail::mta::smtpd {

TEST_CASE("options of MAIL and RCPT") {
  EsmtpRules rules;
  MailOptions options;
  CHECK(!parse_mail_options(" SIZE=100 BODY=8BITMIME RET=HDRS ENVID=e+2B1 AUTH=<> SMTPUTF8", rules,
                            options));
  CHECK(options.size == 100);
  CHECK(options.encoding == mail::Encoding::eight_bit);
  CHECK(options.ret == mail::kRetHeaders);
  CHECK(options.envid == "e+1");
  CHECK(options.smtputf8);
  RcptOptions rcpt;
  CHECK(!parse_rcpt_options("NOTIFY=FAILURE,DELAY ORCPT=rfc822;orig+40dest.test", rules, rcpt));
  CHECK(rcpt.orcpt == "rfc822;orig@dest.test");
  CHECK(rcpt.notify == (mail::kNotifyFailure | mail::kNotifyDelay));
}

TEST_CASE("options that are refused") {
  struct Row {
    std::string_view words, reply;
  };
  const Row rows[] = {
      {"SIZE=x", "501 5.5.4 Bad message size syntax"},
      {"SIZE=", "501 5.5.4 Bad message size syntax"},
      {"SIZE=99999999999999999999", "552 5.3.4 Message size exceeds file system imposed limit"},
      {"BODY=FOO", "555 5.5.4 Unsupported option: BODY=FOO"},
      {"RET=X", "501 5.5.4 Bad RET parameter syntax"},
      {"ENVID=+zz", "501 5.5.4 Bad ENVID parameter syntax"},
      {"FOO=BAR", "555 5.5.4 Unsupported option: FOO=BAR"},
  };
  for (auto& row : rows) {
    MailOptions options;
    auto refused = parse_mail_options(row.words, {}, options);
    REQUIRE(refused);
    CHECK(refused->line() == row.reply);
  }
  EsmtpRules no_dsn;
  no_dsn.dsn = false;
  RcptOptions rcpt;
  auto refused = parse_rcpt_options("NOTIFY=NEVER", no_dsn, rcpt);
  REQUIRE(refused);
  CHECK(refused->line() == "501 5.7.1 DSN support is disabled");
}

TEST_CASE("paths") {
  auto address = [](std::string_view text, bool strict) {
    auto path = parse_smtp_path(text, strict, Empty::allowed);
    return path ? path->address : std::string("refused");
  };
  CHECK(address("<a@good.test>", true) == "a@good.test");
  CHECK(address("a@good.test", false) == "a@good.test");
  CHECK(address("a@good.test", true) == "refused");
  CHECK(address("<@x,@y:a@good.test>", false) == "a@good.test");
  CHECK(address("<\"a b\"@good.test>", false) == "a b@good.test");
  CHECK(address("<a b@good.test>", false) == "refused");
  CHECK(address("<a@[192.0.2.1]>", false) == "a@[192.0.2.1]");
  CHECK(address("<a@[bad]>", false) == "refused");
  CHECK(address("<a@good..test>", false) == "refused");
  CHECK(address("<a@-x.test>", false) == "refused");
  CHECK(address("<a@good.test", false) == "refused");
  CHECK(address("<>", false) == "");
  CHECK(!parse_smtp_path("<>", false, Empty::refused));
}

TEST_CASE("host names and address literals") {
  CHECK(is_hostname("mx.example.test"));
  CHECK(is_hostname("a_b"));
  CHECK(!is_hostname("bad_host!"));
  CHECK(!is_hostname("192.0.2.1"));
  CHECK(!is_hostname("a..b"));
  CHECK(!is_hostname("-a.b"));
  CHECK(!is_hostname(""));
  CHECK(is_address_literal("[IPv6:2001:db8::1]"));
  CHECK(!is_address_literal("[2001:db8::1]"));
  CHECK(!is_address_literal("[]"));
}

TEST_CASE("patterns of DNS lists") {
  CHECK(matches_dns_list_pattern("127.0.0.2", "127.0.0.2"));
  CHECK(matches_dns_list_pattern("127.0.[0..1].[2;4..6]", "127.0.1.5"));
  CHECK(!matches_dns_list_pattern("127.0.0.[2;4..6]", "127.0.0.3"));
  CHECK(!is_dns_list_pattern("127.0.0"));
  CHECK(!is_dns_list_pattern("127.0.0.[2"));
  CHECK(!is_dns_list_pattern("127.0.0.300"));
}

}  // namespace dovetail::mta::smtpd
