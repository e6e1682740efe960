// What the store is told of the settings.
// SPDX-License-Identifier: Apache-2.0
#include "mda/worker/mail_user.h"

#include "conf/dovecot/parser.h"
#include "tests/catch.h"

namespace dovetail::mda {

namespace {

StoreSettings settings_from(const std::string& lines) {
  conf::dovecot::Tree tree;
  conf::dovecot::Parser parser(tree);
  REQUIRE(parser.parse_text("mail_location = maildir:/var/mail/%u\n" + lines, "test.conf"));
  MailUser user;
  user.user = "frank@example.org";
  user.home = "/home/frank";
  user.service = "imap";
  auto complete = complete_mail_user(tree, std::move(user));
  REQUIRE(complete);
  auto settings = store_settings(*complete);
  REQUIRE(settings);
  return *settings;
}

}  // namespace

TEST_CASE("on a shared file system the index stays in memory") {
  CHECK(!settings_from("").mmap_disable);
  CHECK(settings_from("").mail_location == "maildir:/var/mail/frank@example.org");
  for (const char* lines : {"mmap_disable = yes\n", "mail_nfs_storage = yes\n",
                            "mmap_disable = yes\nmail_nfs_index = yes\n"}) {
    INFO(lines);
    CHECK(settings_from(lines).mmap_disable);
  }
}

}  // namespace dovetail::mda
