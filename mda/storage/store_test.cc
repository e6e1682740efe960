// The store through its loop and pool: saving, copying, reading back, and names on disk.
// SPDX-License-Identifier: Apache-2.0
#include "mda/storage/store.h"

#include <algorithm>

#include "common/net/loop.h"
#include "common/net/pool.h"
#include "mda/storage/storage_test.h"
#include "tests/catch.h"

using namespace dovetail;

namespace {

struct StoreFixture {
  mda::TestDirectory home;
  net::Loop loop;
  net::Pool pool{loop, 2};
  std::unique_ptr<mda::Store> store;
  StoreFixture() {
    mda::StoreSettings settings;
    settings.mail_location = "maildir:" + home.path + "/Maildir";
    settings.hostname = "host.example";
    mda::NamespaceSettings inbox;
    inbox.inbox = true;
    inbox.separator = "/";
    settings.namespaces = {inbox};
    auto made = mda::Store::create(loop, pool, settings, Logger("test"));
    REQUIRE(made);
    store = std::move(*made);
  }
};

Task<> append_one(mda::Mailbox& box, std::string text, mda::SaveOptions options, mda::Uid want) {
  auto incoming = co_await box.begin_save(std::move(options));
  REQUIRE(incoming);
  for (char c : text) {
    auto written = co_await (*incoming)->write(std::string(1, c));
    REQUIRE(written);
  }
  std::vector<std::unique_ptr<mda::Incoming>> messages;
  messages.push_back(std::move(*incoming));
  auto saved = co_await box.commit(std::move(messages));
  REQUIRE(saved);
  CHECK(saved->uids == std::vector<mda::Uid>(1, want));
}

Task<> save_copy_and_read(StoreFixture& f) {
  auto inbox = co_await f.store->open("inbox");
  REQUIRE(inbox);
  REQUIRE(*inbox != nullptr);
  mda::SaveOptions options;
  options.flags = mda::kSeen;
  options.keywords.push_back("Work");
  options.internal_date = 1704164645;
  co_await append_one(**inbox, "Subject: one\r\n\r\nfirst\r\nlast\rx", options, 1);
  co_await append_one(**inbox, "Subject: two\n\nbody\n", mda::SaveOptions(), 2);
  auto made = co_await f.store->list().create("Entw\xC3\xBCrfe/Sub");
  REQUIRE(made);
  auto again = co_await f.store->list().create("Entw\xC3\xBCrfe/Sub");
  REQUIRE_FALSE(again);
  CHECK(again.error().text == "[ALREADYEXISTS] Mailbox already exists");
  auto sub = co_await f.store->open("Entw\xC3\xBCrfe/Sub");
  REQUIRE(sub);
  REQUIRE(*sub != nullptr);
  auto synced = co_await (*inbox)->sync();
  REQUIRE(synced);
  CHECK((*synced)->count() == 2);
  std::vector<mda::Uid> both = {1, 2, 9};
  auto copied = co_await (*inbox)->move(both, *sub);
  REQUIRE(copied);
  CHECK(copied->sources == std::vector<mda::Uid>{1, 2});
  CHECK(copied->uids == std::vector<mda::Uid>{1, 2});
  CHECK((*inbox)->view()->count() == 0);
  auto view = co_await (*sub)->sync();
  REQUIRE(view);
  REQUIRE((*view)->count() == 2);
  CHECK((*view)->row(1).flags == mda::kSeen);
  CHECK((*view)->keyword_names((*view)->row(1).keywords) == std::vector<std::string>{"Work"});
  CHECK((*view)->unclaimed() == 2);
  std::vector<mda::Uid> first = {1};
  auto info = co_await (*sub)->info(
      first, mda::kWantSize | mda::kWantDate | mda::kWantEnvelope | mda::kWantStructure);
  REQUIRE(info);
  CHECK((*info)[0].virtual_size == 29);
  CHECK((*info)[0].physical_size == 26);
  CHECK((*info)[0].internal_date == 1704164645);
  CHECK((*info)[0].envelope == "NIL \"one\" NIL NIL NIL NIL NIL NIL NIL NIL");
  auto warm = co_await (*sub)->info(first, mda::kWantEnvelope);
  REQUIRE(warm);
  CHECK((*warm)[0].envelope == (*info)[0].envelope);
  auto message = co_await (*sub)->open_message(1);
  REQUIRE(message);
  REQUIRE(*message != nullptr);
  mda::Section text;
  text.what = mda::Section::text;
  auto data = co_await (*message)->section(text);
  REQUIRE(data);
  auto bytes = co_await (*message)->read(*data, 0, 100);
  REQUIRE(bytes);
  CHECK(*bytes == "first\r\nlast\rx");
  auto gone = co_await (*sub)->open_message(7);
  REQUIRE(gone);
  CHECK(*gone == nullptr);
}

Task<> deliver_one(std::shared_ptr<mda::Mailbox> box, int fd, std::vector<mda::Uid>& uids) {
  auto saved = co_await box->deliver("X-Prefix: y\r\n", fd, 0, mda::SaveOptions());
  REQUIRE(saved);
  uids.push_back(saved->uids.at(0));
}

// Many at once, one of them large enough to be written before its turn.
Task<> deliver_many(StoreFixture& f) {
  f.home.write("message", "Subject: in\r\n\r\nx\r\n");
  f.home.write("large", "Subject: large\n\n" + std::string(3 << 20, 'x') + "\n");
  auto message = base::open_file(f.home.path + "/message", O_RDONLY);
  auto large = base::open_file(f.home.path + "/large", O_RDONLY);
  REQUIRE((message && large));
  auto box = co_await f.store->open_for_delivery("INBOX");
  REQUIRE(box);
  std::vector<mda::Uid> uids;
  std::vector<Task<>> all;
  for (int i = 0; i < 70; ++i)
    all.push_back(deliver_one(*box, i == 40 ? large->get() : message->get(), uids));
  co_await net::when_all(f.loop, std::move(all));
  std::sort(uids.begin(), uids.end());
  for (size_t i = 0; i < uids.size(); ++i) CHECK(uids[i] == i + 1);
  auto view = co_await (*box)->sync();
  REQUIRE(view);
  CHECK((*view)->count() == 70);
  size_t large_ones = 0, small_ones = 0;
  for (size_t seq = 1; seq <= (*view)->count(); ++seq) {
    auto& file = (*view)->row(seq).file;
    large_ones += file.find(",S=3145757,W=3145761") != file.npos;
    small_ones += file.find(",S=27,W=31") != file.npos;
  }
  CHECK(large_ones == 1);
  CHECK(small_ones == 69);
}

Task<> deliver_and_rename(StoreFixture& f) {
  f.home.write("message", "Subject: in\n\nx\n");
  auto fd = base::open_file(f.home.path + "/message", O_RDONLY);
  REQUIRE(fd);
  auto box = co_await f.store->open_for_delivery("INBOX");
  REQUIRE(box);
  for (mda::Uid uid = 1; uid <= 3; ++uid) {
    auto saved =
        co_await (*box)->deliver("Return-Path: <a@b>\r\n", fd->get(), 0, mda::SaveOptions());
    REQUIRE(saved);
    CHECK(saved->uids == std::vector<mda::Uid>(1, uid));
  }
  CHECK((*box)->view()->count() == 0);
  auto none = co_await f.store->open("Nope");
  REQUIRE(none);
  CHECK(*none == nullptr);
  auto bad = co_await f.store->open("a//b");
  REQUIRE_FALSE(bad);
  CHECK(bad.error().text == "[CANNOT] Invalid mailbox name: Has adjacent hierarchy separators");
  (void)co_await f.store->list().create("Work");
  (void)co_await f.store->list().create("Work/Sub");
  auto renamed = co_await f.store->list().rename("Work", "Job");
  REQUIRE(renamed);
  CHECK(f.home.exists("Maildir/.Job.Sub/maildirfolder"));
  auto child = co_await f.store->list().rename("Job", "Job/x");
  CHECK(child.error().text == "Can't rename mailbox under its own child");
  auto removed = co_await f.store->list().remove("Job");
  REQUIRE(removed);
  CHECK_FALSE(f.home.exists("Maildir/.Job"));
  auto inbox = co_await f.store->list().remove("INBOX");
  CHECK(inbox.error().text == "INBOX can't be deleted");
}

}  // namespace

TEST_CASE("messages are saved, moved with flags and keywords, and read back") {
  StoreFixture f;
  net::run_until_done(f.loop, save_copy_and_read(f));
}

TEST_CASE("deliveries side by side are all there, each with a uid of its own") {
  StoreFixture f;
  net::run_until_done(f.loop, deliver_many(f));
}

TEST_CASE("deliveries get uids without a scan, folders are renamed with their children") {
  StoreFixture f;
  net::run_until_done(f.loop, deliver_and_rename(f));
}
