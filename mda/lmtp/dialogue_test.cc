// Plays tests/dialogues/lmtp against a session whose backend saves into real Maildirs in a temporary directory.
// Settings of a dialogue: users = who exists; down = for whom lookups fail; broken = whose deliveries fail; any of
// recipient_delimiter, save_to_detail, workarounds, concurrency, defers, hdr_delivery_address. After it has been played the
// mailboxes named in "stored" must hold that many messages: "alice=2 bob=1".
// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <time.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/base/text.h"
#include "mda/lmtp/session.h"
#include "mda/storage/store.h"
#include "tests/catch.h"
#include "tests/support/dialogue.h"

namespace dovetail::mda::lmtp {

namespace {

using SettingsMap = std::map<std::string, std::string>;

std::string setting(const SettingsMap& settings, const std::string& name) {
  auto found = settings.find(name);
  return found == settings.end() ? std::string() : found->second;
}

bool listed(const SettingsMap& settings, const std::string& name, std::string_view word) {
  auto list = setting(settings, name);
  for (auto one : base::words(list)) {
    if (base::iequals(one, word)) return true;
  }
  return false;
}

class Directory {
 public:
  Directory() {
    char name[] = "/tmp/lmtp_test.XXXXXX";
    REQUIRE(::mkdtemp(name));
    path_ = name;
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  Directory(const Directory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// In place of broker and worker: one Maildir per user.
class Maildirs : public Backend {
 public:
  Maildirs(Loop& loop, net::Pool& pool, std::string directory, const SettingsMap& settings)
      : loop_(loop), pool_(pool), directory_(std::move(directory)), settings_(settings) {}

  Task<Result<FoundUser>> find_user(LookupFor lookup) override {
    if (listed(settings_, "down", lookup.user)) co_return temporary("auth is away");
    bool exists = listed(settings_, "users", lookup.user);
    co_return FoundUser{exists, exists ? "4711" : ""};
  }

  Task<Result<DeliveryAnswer>> deliver(Delivery delivery, int fd) override {
    if (delivery.lookup != "4711") co_return temporary("the lookup at RCPT is not told");
    if (listed(settings_, "broken", delivery.user)) co_return temporary("worker is gone");
    StoreSettings store_settings;
    store_settings.user = delivery.user;
    store_settings.hostname = "host";
    store_settings.mail_location = "maildir:" + directory_ + "/" + base::lower(delivery.user);
    NamespaceSettings inbox;
    inbox.name = "inbox";
    inbox.inbox = true;
    store_settings.namespaces.push_back(std::move(inbox));
    auto store = Store::create(loop_, pool_, std::move(store_settings), Logger("lmtp"));
    if (!store) co_return store.error();
    auto box = co_await (*store)->open_for_delivery("INBOX");
    if (!box) co_return box.error();
    auto saved =
        co_await (*box)->deliver(std::move(delivery.prefix), fd, delivery.offset, SaveOptions());
    if (!saved) co_return saved.error();
    Logger(format("lmtp({})", delivery.user))
        .info("msgid={}: saved mail to {}", delivery.message_id,
              delivery.mailbox.empty() ? "INBOX" : delivery.mailbox);
    DeliveryAnswer answer;
    answer.status = DeliveryAnswer::Status::stored;
    co_return answer;
  }

 private:
  Loop& loop_;
  net::Pool& pool_;
  std::string directory_;
  const SettingsMap& settings_;
};

std::shared_ptr<LmtpSettings> lmtp_settings(const SettingsMap& from, const std::string& directory) {
  auto made = std::make_shared<LmtpSettings>();
  made->hostname = "mail.example.com";
  made->mail_temp_dir = directory;
  if (from.contains("temp_dir")) made->mail_temp_dir = from.at("temp_dir");
  if (auto bytes = base::parse_number<size_t>(setting(from, "in_memory")))
    made->message_in_memory = *bytes;
  if (from.contains("recipient_delimiter"))
    made->recipient_delimiter = from.at("recipient_delimiter");
  made->lmtp_save_to_detail_mailbox = setting(from, "save_to_detail") == "yes";
  made->whitespace_before_path = made->mailbox_for_path = setting(from, "workarounds") == "yes";
  made->defers = setting(from, "defers");
  if (auto limit = base::parse_number<unsigned>(setting(from, "concurrency")))
    made->lmtp_user_concurrency_limit = *limit;
  if (setting(from, "hdr_delivery_address") == "none")
    made->lmtp_hdr_delivery_address = DeliveryAddress::none;
  return made;
}

// Files in new/ and cur/ of a user, and all their text.
std::string stored_text(const std::string& directory, const std::string& user, size_t& count) {
  std::string text;
  count = 0;
  for (auto sub : {"/new", "/cur"}) {
    auto path = directory + "/" + user + sub;
    if (!std::filesystem::exists(path)) continue;
    for (auto& entry : std::filesystem::directory_iterator(path)) {
      std::ifstream file(entry.path());
      std::stringstream content;
      content << file.rdbuf();
      text += content.str();
      ++count;
    }
  }
  return text;
}

struct Game {
  Loop loop;
  net::Pool pool{loop, 2};
  Directory directory;
  UserCounts users;
};

Task<> serve(Game& game, Fd fd, const SettingsMap& settings) {
  Maildirs backend(game.loop, game.pool, game.directory.path(), settings);
  Services services{backend, game.pool, Logger("lmtp(1)"), game.users};
  Conn conn(game.loop, std::move(fd));
  Session session(conn, lmtp_settings(settings, game.directory.path()), services);
  co_await session.run();
}

void check_stored(const Game& game, const SettingsMap& settings) {
  auto wanted = setting(settings, "stored");
  for (auto word : base::words(wanted)) {
    auto [user, number] = base::cut(word, '=');
    size_t count = 0;
    auto text = stored_text(game.directory.path(), std::string(user), count);
    CHECK(std::to_string(count) == std::string(number.value_or("")));
    for (auto& [name, value] : settings) {
      if (!name.starts_with("holds")) continue;
      INFO(text);
      CHECK(tests::matches_pattern("*" + base::replace_all(value, "\\n", "\n") + "*", text));
    }
  }
  CHECK(game.users.empty());
}

}  // namespace

TEST_CASE("LMTP dialogues") {
  ::setenv("TZ", "UTC", 1);
  ::tzset();
  auto files = tests::dialogue_files(DOVETAIL_DIALOGUES "/lmtp");
  REQUIRE(!files.empty());
  for (auto& file : files) {
    auto dialogue = tests::Dialogue::load(file);
    if (!dialogue) INFO(dialogue.error().text);
    REQUIRE(dialogue);
    for (auto mode :
         {tests::DialogueMode::whole, tests::DialogueMode::bytes, tests::DialogueMode::pipelined}) {
      auto name = mode == tests::DialogueMode::whole   ? "whole"
                  : mode == tests::DialogueMode::bytes ? "bytes"
                                                       : "pipelined";
      if (!dialogue->may(name)) continue;
      INFO(file << " " << name);
      Game game;
      tests::DialogueServer server = [&](Fd fd) {
        return serve(game, std::move(fd), dialogue->settings);
      };
      CHECK(tests::play(game.loop, *dialogue, mode, server) == "");
      check_stored(game, dialogue->settings);
    }
  }
}

}  // namespace dovetail::mda::lmtp
