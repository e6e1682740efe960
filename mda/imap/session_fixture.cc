// SPDX-License-Identifier: Apache-2.0
#include "mda/imap/session_fixture.h"

#include <stdlib.h>

#include <algorithm>
#include <filesystem>

#include "common/base/file.h"
#include "common/base/text.h"
#include "tests/catch.h"

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

}  // namespace

TemporaryDirectory::TemporaryDirectory() {
  char name[] = "/tmp/imap_test.XXXXXX";
  REQUIRE(mkdtemp(name));
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::filesystem::remove_all(path_);
}

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

Task<> save_fixtures(Mailbox& inbox, std::string_view names) {
  auto wanted = base::words(names);
  for (const auto& fixture : kFixtures) {
    if (std::find(wanted.begin(), wanted.end(), fixture.name) == wanted.end()) continue;
    co_await save_fixture(inbox, fixture);
  }
}

}  // namespace dovetail::mda::imap
