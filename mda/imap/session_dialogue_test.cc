// Plays tests/dialogues/imap against a session on a real Maildir in a temporary directory.
// Settings of a dialogue: messages = fixtures of tests/data/message to be in INBOX; mailboxes = NAME:\Use ..., made and
// (but Junk) subscribed; separator.
// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <time.h>

#include "mda/imap/change_watcher.h"
#include "mda/imap/session_fixture.h"
#include "tests/catch.h"
#include "tests/support/dialogue.h"

namespace dovetail::mda::imap {

namespace {

Task<> serve(Loop& loop, Fd fd, const std::map<std::string, std::string>& settings) {
  TemporaryDirectory directory;
  net::Pool pool(loop, 2);
  Logger log("imap(alice@example.com)<1><S>");
  ChangeWatcher watcher(loop, log);
  auto store = Store::create(loop, pool, store_settings(directory.path(), settings), log);
  REQUIRE(store);
  SessionEnvironment environment;
  environment.store = std::move(*store);
  environment.pool = &pool;
  environment.watcher = &watcher;
  environment.settings = std::make_shared<ImapSettings>();
  environment.log = log;
  if (settings.contains("login_tag")) environment.login_tag = settings.at("login_tag");
  if (settings.contains("messages")) {
    auto inbox = co_await environment.store->open("INBOX");
    REQUIRE(inbox);
    co_await save_fixtures(**inbox, settings.at("messages"));
  }
  Conn conn(loop, std::move(fd));
  co_await run_imap(conn, std::move(environment));
}

}  // namespace

TEST_CASE("dialogues after login") {
  setenv("TZ", "UTC", 1);
  tzset();
  auto files = tests::dialogue_files(DOVETAIL_DIALOGUES "/imap");
  REQUIRE(!files.empty());
  for (const auto& file : files) {
    auto dialogue = tests::Dialogue::load(file);
    if (!dialogue) INFO(dialogue.error().text);
    REQUIRE(dialogue);
    for (auto mode :
         {tests::DialogueMode::whole, tests::DialogueMode::bytes, tests::DialogueMode::pipelined}) {
      Loop loop;
      tests::DialogueServer server = [&](Fd fd) {
        return serve(loop, std::move(fd), dialogue->settings);
      };
      CHECK(tests::play(loop, *dialogue, mode, server) == "");
    }
  }
}

}  // namespace dovetail::mda::imap
