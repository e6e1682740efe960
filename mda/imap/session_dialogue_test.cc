// Plays tests/dialogues/imap against a session on a real Maildir in a temporary directory.
// Settings of a dialogue: messages = fixtures of tests/data/message to be in INBOX; mailboxes = NAME:\Use ..., made and
// (but Junk) subscribed; separator.
// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <time.h>

#include <filesystem>

#include "common/base/file.h"
#include "common/base/text.h"
#include "common/net/pool.h"
#include "mda/imap/change_watcher.h"
#include "mda/imap/session.h"
#include "tests/catch.h"
#include "tests/support/dialogue.h"

namespace dovetail::mda::imap {

namespace {

struct Fixture {
  std::string name;
  uint8_t flags;
  std::vector<std::string> keywords;
};

const Fixture kFixtures[] = {
    {"m1", 0, {}},
    {"m2", kSeen, {}},
    {"m3", kFlagged, {"$Work"}},
    {"m4", kDraft, {}},
    {"m5", kAnswered | kDeleted, {}},
    {"m6", 0, {}},
    {"m7", 0, {}},
    {"m8", 0, {}},
};

std::string crlf(std::string_view text) {
  return base::replace_all(base::replace_all(text, "\r\n", "\n"), "\n", "\r\n");
}

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    char name[] = "/tmp/imap_test.XXXXXX";
    REQUIRE(mkdtemp(name));
    path_ = name;
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

StoreSettings store_settings(const std::string& directory,
                             const std::map<std::string, std::string>& settings) {
  StoreSettings result;
  result.user = "alice@example.com";
  result.home = directory;
  result.hostname = "host";
  result.mail_location = "maildir:" + directory + "/Maildir";
  NamespaceSettings inbox;
  inbox.name = "inbox";
  inbox.inbox = true;
  inbox.separator = settings.contains("separator") ? settings.at("separator") : "/";
  if (settings.contains("mailboxes")) {
    for (auto word : base::words(settings.at("mailboxes"))) {
      auto [name, use] = base::cut(word, ':');
      auto mode = name == "Junk" ? AutoMailbox::create : AutoMailbox::subscribe;
      inbox.mailboxes.push_back({std::string(name), mode, std::string(use.value_or(""))});
    }
  }
  result.namespaces.push_back(std::move(inbox));
  return result;
}

Task<> save_fixture(Mailbox& inbox, const Fixture& fixture) {
  auto text = base::read_file(std::string(DOVETAIL_TEST_DATA "/message/") + fixture.name + ".eml");
  REQUIRE(text);
  SaveOptions options;
  options.flags = fixture.flags;
  options.keywords = fixture.keywords;
  options.internal_date = 1704164645;
  auto incoming = co_await inbox.begin_save(std::move(options));
  REQUIRE(incoming);
  auto written = co_await (*incoming)->write(crlf(*text));
  REQUIRE(written);
  std::vector<std::unique_ptr<Incoming>> all;
  all.push_back(std::move(*incoming));
  auto saved = co_await inbox.commit(std::move(all));
  REQUIRE(saved);
}

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
    for (const auto& fixture : kFixtures) {
      if ((" " + settings.at("messages") + " ").find(" " + fixture.name + " ") == std::string::npos)
        continue;
      co_await save_fixture(**inbox, fixture);
    }
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
