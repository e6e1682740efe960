// Names: mUTF-7, patterns, locations, the subscriptions file, and LIST over a directory.
// SPDX-License-Identifier: Apache-2.0
#include "mda/storage/list/location.h"
#include "mda/storage/list/maildir_store.h"
#include "mda/storage/list/pattern.h"
#include "mda/storage/list/subscriptions.h"
#include "mda/storage/mutf7.h"
#include "mda/storage/storage_test.h"
#include "tests/catch.h"

using namespace dovetail;

TEST_CASE("mUTF-7 goes both ways, what is not an encoder's is refused") {
  struct Row {
    const char *utf8, *mutf7;
  };
  const Row rows[] = {{"Entw\xC3\xBCrfe", "Entw&APw-rfe"},
                      {"a&b", "a&-b"},
                      {"", ""},
                      {"\xE2\x82\xAC", "&IKw-"},
                      {"\xF0\x9F\x98\x80", "&2D3eAA-"},
                      {"\xC3\x9Cn\xC3\xAF", "&ANw-n&AO8-"}};
  for (const Row& row : rows) {
    INFO(row.mutf7);
    CHECK(mda::utf8_to_mutf7(row.utf8) == std::optional<std::string>(row.mutf7));
    CHECK(mda::mutf7_to_utf8(row.mutf7) == std::optional<std::string>(row.utf8));
  }
  for (const char* bad :
       {"Entw&rfe", "\xC3\xA4", "&AGE-", "&2D0-", "&APw", "a\tb", "&APw-&APw-", "&A!w-"}) {
    INFO(bad);
    CHECK_FALSE(mda::mutf7_to_utf8(bad));
  }
  CHECK_FALSE(mda::utf8_to_mutf7("\xFF"));
}

TEST_CASE("LIST patterns") {
  struct Row {
    const char *pattern, *name;
    bool want;
  };
  const Row rows[] = {{"*", "a/b", true},      {"%", "a/b", false},     {"%", "a", true},
                      {"a/%", "a/b", true},    {"a/%", "a/b/c", false}, {"*b", "a/b", true},
                      {"%/b", "a/b", true},    {"", "", true},          {"a%c*", "abc/d", true},
                      {"*%x", "a/b/x", true},  {"a*", "b", false},      {"inbox", "INBOX", true},
                      {"InB%", "INBOX", true}, {"%/%", "a/b/c", false}};
  for (const Row& row : rows) {
    INFO(row.pattern << " " << row.name);
    CHECK(mda::list_match_inbox(row.pattern, row.name, '/') == row.want);
  }
}

TEST_CASE("locations are read, what is not done is refused") {
  auto location = mda::parse_location(
      "maildir:~/Maildir:LAYOUT=fs:INDEX=MEMORY:CONTROL=~/ctl:UTF-8", "/home/u");
  REQUIRE(location);
  CHECK(location->root == "/home/u/Maildir");
  CHECK(location->layout == mda::Layout::fs);
  CHECK(location->index_in_memory);
  CHECK(location->control == "/home/u/ctl");
  CHECK(mda::parse_location("maildir:/var/mail/vhosts/example.com/frank/", "")->root ==
        "/var/mail/vhosts/example.com/frank");
  for (const char* bad :
       {"mbox:~/mail", "maildir:~/M", "maildir:/m:LAYOUT=index", "maildir:/m:FOO=1", ""}) {
    INFO(bad);
    auto refused = mda::parse_location(bad, "");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().fault == Fault::config);
  }
}

TEST_CASE("subscriptions keep their version") {
  mda::TestDirectory home;
  std::string path = home.path + "/subscriptions";
  REQUIRE(*mda::change_subscription(path, "Work.Sub", true, '.', "h", 0600));
  REQUIRE(*mda::change_subscription(path, "Entw&APw-rfe", true, '.', "h", 0600));
  CHECK(home.read("subscriptions") == "V\t2\n\nWork\tSub\nEntw&APw-rfe\n");
  REQUIRE(*mda::change_subscription(path, "Work.Sub", false, '.', "h", 0600));
  CHECK(home.read("subscriptions") == "V\t2\n\nEntw&APw-rfe\n");
  home.write("subscriptions", "INBOX\nWork.Sub\nWork.Sub\n");
  REQUIRE(*mda::change_subscription(path, "New1", true, '.', "h", 0600));
  CHECK(home.read("subscriptions") == "INBOX\nWork.Sub\nNew1\n");
  home.write("subscriptions.lock", "1:elsewhere");
  CHECK_FALSE(*mda::change_subscription(path, "x", true, '.', "h", 0600));
}

TEST_CASE("LIST shows parents, special uses and subscriptions, INBOX last") {
  mda::TestDirectory home;
  for (const char* name : {".nope.x", ".Work", "..DOVECOT-TRASHED", ".Entw&APw-rfe"}) {
    std::filesystem::create_directories(home.path + "/" + name + "/cur");
  }
  home.write("subscriptions", "V\t2\n\nnope\tx\ngone\n");
  mda::StoreSettings settings;
  settings.mail_location = "maildir:" + home.path;
  mda::NamespaceSettings inbox;
  inbox.inbox = true;
  inbox.separator = "/";
  inbox.mailboxes = {{"Drafts", mda::AutoMailbox::subscribe, "\\Drafts"},
                     {"Junk", mda::AutoMailbox::no, "\\Junk"}};
  std::vector<mda::Namespace> spaces = {*mda::Namespace::create(inbox, settings)};
  auto names = [&](mda::ListQuery query) {
    std::string text;
    auto entries = mda::list_mailboxes(spaces, query);
    REQUIRE(entries);
    for (const mda::ListEntry& entry : *entries) {
      text += format("{}{}{}{}{} ", entry.name, entry.exists ? "" : "!",
                     entry.has_children ? "+" : "", entry.subscribed ? "s" : "", entry.special_use);
    }
    return text;
  };
  mda::ListQuery all;
  all.patterns = {"*"};
  CHECK(names(all) == "Drafts\\Drafts Entw\xC3\xBCrfe Work nope!+ nope/x INBOX ");
  mda::ListQuery lsub;
  lsub.patterns = {"%"};
  lsub.lsub = true;
  CHECK(names(lsub) == "Draftss\\Drafts gone!s nope!+ ");
  mda::ListQuery subscribed;
  subscribed.patterns = {"*"};
  subscribed.subscribed_only = true;
  CHECK(names(subscribed) == "Draftss\\Drafts gone!s nope/xs ");
  mda::NamespaceSettings prefixed = inbox;
  prefixed.prefix = "INBOX.";
  prefixed.separator = ".";
  spaces = {*mda::Namespace::create(prefixed, settings)};
  CHECK(names(all) ==
        "INBOX+ INBOX.Drafts\\Drafts INBOX.Entw\xC3\xBCrfe INBOX.Work INBOX.nope!+ INBOX.nope.x ");
  CHECK(*spaces[0].storage_name("INBOX.Work") == "Work");
  CHECK(*spaces[0].storage_name("inbox") == "INBOX");
}
