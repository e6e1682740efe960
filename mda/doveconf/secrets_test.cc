// SPDX-License-Identifier: Apache-2.0
#include "mda/doveconf/secrets.h"

#include "tests/catch.h"

using dovetail::mda::doveconf::is_secret_setting;
using dovetail::mda::doveconf::without_secrets;

TEST_CASE("settings are secret by the end of their names") {
  CHECK(is_secret_setting("ssl_key"));
  CHECK(is_secret_setting("x_api_key"));
  CHECK(is_secret_setting("imapc_password"));
  CHECK(is_secret_setting("auth_policy_hash_nonce"));
  CHECK(is_secret_setting("ssl_dh"));
  CHECK(!is_secret_setting("_key"));
  CHECK(!is_secret_setting("monkey"));
  CHECK(!is_secret_setting("key_a"));
  CHECK(!is_secret_setting("mypass"));
  CHECK(!is_secret_setting("xssl_dh"));
}

// The results are the incumbent's; * stands for what it prints instead of a secret.
TEST_CASE("passwords inside values are made unreadable") {
  struct {
    std::string_view value, shown;
  } rows[] = {
      {"redis:password=foo:port=1", "redis:password=*:port=1"},
      {"secret=x,pass=b;key=1", "secret=*;key=*"},
      {"password = foo bar", "password =* foo bar"},
      {"user_pass=1 user/pass=1", "user_pass=* user/pass=*"},
      {"passé=1 pass.x=1 passpass=1", "passé=* pass.x=* passpass=*"},
      {"pass  key=1", "pass  key=*"},
      {"pass:=x", "pass:=*"},
      {"a pass=", "a pass=*"},
      {"pass=http://u:p@x", "pass=*://u:p@x"},
      {"url=http://u:p@h:1/solr/ x", "url=http://*@h:1/solr/ x"},
      {"xhttp://u?p@h https://a@b ftp://c@d", "xhttp://*@h https://*@b ftp://*@d"},
      {"http://u/p:x@y pass=1", "http://u/p:x@y pass=*"},
      {"http://http://u:p@x", ""},
      {"http://@", ""},
      {"mypass=1 0key=2 monkey=3", ""},
      {"pass foo=1", ""},
      {"pass\tx=1", ""},
      {"key", ""},
      {"password: foo", ""},
  };
  for (auto& row : rows) {
    INFO(row.value);
    auto shown = without_secrets(row.value, false);
    std::string expected;
    for (char c : row.shown) expected += c == '*' ? "#hidden_use-P_to_show#" : std::string(1, c);
    CHECK(shown.value_or("") == expected);
  }
}

TEST_CASE("a value that would stand in quotes is escaped behind its last secret") {
  CHECK(*without_secrets(" 'a' pass=1 'x' ", true) == " 'a' pass=#hidden_use-P_to_show# \\'x\\' ");
}
