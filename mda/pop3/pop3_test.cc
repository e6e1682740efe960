// The parts of POP3, and tests/dialogues/pop3 played against a session on a real Maildir.
// Settings of a dialogue: messages = which of the texts below are in INBOX ("a b c"); removed = uids that another session
// expunges after the first one has begun reading; left = how many remain at the end; seen = how many have \Seen then; any of
// uidl_format, no_flag_updates, enable_last, reuse_xuidl, lock, duplicates, deleted_flag, workarounds.
// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include <filesystem>
#include <map>

#include "common/base/text.h"
#include "common/net/pool.h"
#include "mda/pop3/maildrop.h"
#include "mda/pop3/pop3.h"
#include "mda/pop3/transfer.h"
#include "tests/catch.h"
#include "tests/support/dialogue.h"

namespace dovetail::mda::pop3 {

namespace {

using SettingsMap = std::map<std::string, std::string>;

const SettingsMap kTexts = {
    {"a", "From: a@example.org\r\nSubject: one\r\n\r\nFirst line.\r\n.dotted\r\nlast\r\n"},
    {"b", "Subject: two\r\nX-UIDL: old-two\r\n\r\n"},
    {"c", "Subject: no end"},
    {"n", std::string("Subject: nul\r\n\r\na\0b\r\n", 21)},
};

std::string setting(const SettingsMap& settings, const std::string& name) {
  auto found = settings.find(name);
  return found == settings.end() ? std::string() : found->second;
}

struct Game {
  Loop loop;
  net::Pool pool{loop, 2};
  std::string directory;
  std::shared_ptr<Store> store;
  SessionLocks locks;

  Game() {
    char name[] = "/tmp/pop3_test.XXXXXX";
    REQUIRE(::mkdtemp(name));
    directory = name;
    StoreSettings settings;
    settings.user = "alice@example.com";
    settings.hostname = "host";
    settings.mail_location = "maildir:" + directory + "/Maildir";
    NamespaceSettings inbox;
    inbox.name = "inbox";
    inbox.inbox = true;
    settings.namespaces.push_back(std::move(inbox));
    auto made = Store::create(loop, pool, std::move(settings), Logger("pop3"));
    REQUIRE(made);
    store = std::move(*made);
  }
  ~Game() {
    store.reset();
    std::filesystem::remove_all(directory);
  }
  Game(const Game&) = delete;
};

Task<> save(Mailbox& box, std::string text) {
  SaveOptions options;
  auto incoming = co_await box.begin_save(std::move(options));
  REQUIRE(incoming);
  auto written = co_await (*incoming)->write(std::move(text));
  REQUIRE(written);
  std::vector<std::unique_ptr<Incoming>> all;
  all.push_back(std::move(*incoming));
  auto saved = co_await box.commit(std::move(all));
  REQUIRE(saved);
}

std::shared_ptr<Pop3Settings> pop3_settings(const SettingsMap& from) {
  auto made = std::make_shared<Pop3Settings>();
  if (from.contains("uidl_format")) made->pop3_uidl_format = from.at("uidl_format");
  made->pop3_no_flag_updates = setting(from, "no_flag_updates") == "yes";
  made->pop3_enable_last = setting(from, "enable_last") == "yes";
  made->pop3_reuse_xuidl = setting(from, "reuse_xuidl") == "yes";
  made->pop3_lock_session = setting(from, "lock") != "";
  made->rename_uidl_duplicates = setting(from, "duplicates") == "rename";
  made->pop3_deleted_flag = setting(from, "deleted_flag");
  made->delete_by_flag = !made->pop3_deleted_flag.empty();
  made->outlook_no_nuls = made->oe_ns_eoh = setting(from, "workarounds") == "yes";
  return made;
}

Task<> serve(Game& game, Fd fd, const SettingsMap& settings) {
  auto inbox = co_await game.store->open("INBOX");
  REQUIRE(inbox);
  auto names = setting(settings, "messages");
  for (auto name : base::words(names)) co_await save(**inbox, kTexts.at(std::string(name)));
  if (setting(settings, "lock") == "taken") game.locks.insert(game.store.get());
  SessionEnvironment environment;
  environment.store = game.store;
  environment.settings = pop3_settings(settings);
  environment.locks = &game.locks;
  Conn conn(game.loop, std::move(fd));
  co_await run_pop3(conn, std::move(environment));
}

Task<> check_left(Game& game, const SettingsMap& settings) {
  auto inbox = co_await game.store->open("INBOX");
  REQUIRE(inbox);
  auto view = co_await (*inbox)->sync();
  REQUIRE(view);
  if (settings.contains("left")) CHECK(std::to_string((*view)->count()) == settings.at("left"));
  if (settings.contains("seen"))
    CHECK(std::to_string((*view)->count() - (*view)->without(kSeen)) == settings.at("seen"));
}

std::string stuffed(std::string_view text, size_t piece, Stuffer::Options options) {
  Stuffer stuffer(options);
  std::string out;
  for (size_t at = 0; at < text.size(); at += piece) {
    if (!stuffer.feed(text.substr(at, piece), out)) break;
  }
  return out + stuffer.finish();
}

}  // namespace

TEST_CASE("messages for the wire") {
  std::string_view text = "A: b\r\n\r\n.x\r\ny\r\n..\r\n";
  for (size_t piece : {size_t{1}, size_t{2}, size_t{3}, text.size()}) {
    INFO(piece);
    Stuffer::Options options;
    CHECK(stuffed(text, piece, options) == "A: b\r\n\r\n..x\r\ny\r\n...\r\n.\r\n");
    options.body_lines = 0;
    CHECK(stuffed(text, piece, options) == "A: b\r\n\r\n.\r\n");
    options.body_lines = 1;
    CHECK(stuffed(text, piece, options) == "A: b\r\n\r\n..x\r\n.\r\n");
    options.body_lines = 9;
    CHECK(stuffed(text, piece, options) == "A: b\r\n\r\n..x\r\ny\r\n...\r\n.\r\n");
  }
  CHECK(stuffed("A: b\r\n\r\nhalf", 3, {}) == "A: b\r\n\r\nhalf\r\n.\r\n");
  CHECK(stuffed("A: b\r\n", 3, {}) == "A: b\r\n.\r\n");
  CHECK(stuffed("A: b\r\n", 3, {std::nullopt, false, true}) == "A: b\r\n\r\n.\r\n");
  CHECK(stuffed(std::string_view("a\0b\r\n", 5), 2, {std::nullopt, true, false}) ==
        "a\x80"
        "b\r\n.\r\n");
}

TEST_CASE("unique ids") {
  UidlFacts facts{26, 1600000000, "123.M4P5.host,S=6", "guid-1"};
  CHECK(format_uidl("%08Xu%08Xv", facts) == "0000001a5f5e1000");
  CHECK(format_uidl("%v.%u", facts) == "1600000000.26");
  CHECK(format_uidl("%f", facts) == "123.M4P5.host,S=6");
  CHECK(format_uidl("%g", facts) == "guid-1");
}

TEST_CASE("POP3 dialogues") {
  auto files = tests::dialogue_files(DOVETAIL_DIALOGUES "/pop3");
  REQUIRE(!files.empty());
  for (auto& file : files) {
    auto dialogue = tests::Dialogue::load(file);
    if (!dialogue) INFO(dialogue.error().text);
    REQUIRE(dialogue);
    for (auto mode :
         {tests::DialogueMode::whole, tests::DialogueMode::bytes, tests::DialogueMode::pipelined}) {
      INFO(file << " mode " << static_cast<int>(mode));
      Game game;
      tests::DialogueServer server = [&](Fd fd) {
        return serve(game, std::move(fd), dialogue->settings);
      };
      CHECK(tests::play(game.loop, *dialogue, mode, server) == "");
      net::run_until_done(game.loop, check_left(game, dialogue->settings));
    }
  }
}

}  // namespace dovetail::mda::pop3
