// A Maildir folder and what others do to it: two folders over one directory stand for two processes.
// SPDX-License-Identifier: Apache-2.0
#include "mda/storage/maildir/folder.h"

#include <unistd.h>

#include <cstdio>

#include "common/base/clock.h"
#include "mda/storage/maildir/filename.h"
#include "mda/storage/storage_test.h"
#include "tests/catch.h"

using namespace dovetail;

namespace {

struct FolderFixture {
  mda::TestDirectory home;
  std::shared_ptr<mda::StoreSettings> settings = std::make_shared<mda::StoreSettings>();
  FolderFixture() {
    settings->hostname = "host.example";
    settings->mail_fsync = mda::MailFsync::never;
    for (const char* part : {"/cur", "/new", "/tmp"})
      std::filesystem::create_directory(home.path + part);
  }
  mda::MaildirFolder open() const {
    mda::FolderPaths paths{"INBOX", home.path, home.path, home.path, home.path, false};
    return mda::MaildirFolder(paths, settings, Logger("test"));
  }
  void put(const std::string& name, std::string_view text = "Subject: x\n\nbody\n") const {
    home.write(name, text);
  }
  void rename(const std::string& from, const std::string& to) const {
    REQUIRE(::rename((home.path + "/" + from).c_str(), (home.path + "/" + to).c_str()) == 0);
  }
};

std::string summary(const mda::MaildirFolder& folder) {
  std::string text;
  auto view = folder.view();
  for (size_t seq = 1; seq <= view->count(); ++seq) {
    const mda::Row& row = view->row(seq);
    text += format("{}:{}:{}{}", row.uid, row.base(), row.flags, row.unclaimed ? "n" : "");
    for (const std::string& name : view->keyword_names(row.keywords)) text += "," + name;
    text += ' ';
  }
  return text;
}

}  // namespace

TEST_CASE("new files get uids in the order of their names, and keep them") {
  FolderFixture f;
  f.put("new/10.M2P1.h");
  f.put("new/10.M1P1.h");
  f.put("cur/9.b.h:2,SFa");
  f.put("tmp/8.x.h");
  f.put("dovecot-keywords", "0 Work\n");
  auto folder = f.open();
  REQUIRE(*folder.sync());
  CHECK(summary(folder) == "1:9.b.h:10,Work 2:10.M1P1.h:0n 3:10.M2P1.h:0n ");
  auto again = f.open();
  f.put("new/1.old.h");
  REQUIRE(*again.sync());
  CHECK(summary(again) == "1:9.b.h:10,Work 2:10.M1P1.h:0n 3:10.M2P1.h:0n 4:1.old.h:0n ");
  CHECK(again.view()->uid_validity == folder.view()->uid_validity);
  REQUIRE(*folder.sync());
  CHECK(summary(folder) == summary(again));
}

TEST_CASE("what others do to the files is seen: flags, removal, moving, duplicates") {
  FolderFixture f;
  for (const char* name : {"cur/1.a.h:2,", "cur/2.b.h:2,", "cur/3.c.h", "new/4.d.h"}) f.put(name);
  auto folder = f.open();
  REQUIRE(*folder.sync());
  auto before = folder.view();
  f.rename("cur/1.a.h:2,", "cur/1.a.h:2,S");
  unlink((f.home.path + "/cur/2.b.h:2,").c_str());
  f.rename("new/4.d.h", "cur/4.d.h:2,");
  f.put("new/5.e.h");
  REQUIRE(*folder.sync());
  CHECK(summary(folder) == "1:1.a.h:8 3:3.c.h:0 4:4.d.h:0 5:5.e.h:0n ");
  mda::ViewChange change = mda::compare(*before, *folder.view());
  CHECK(change.expunged == std::vector<size_t>{2});
  CHECK(change.changed == std::vector<size_t>{1});
  CHECK(change.first_new == 4);
  mda::ChangesSince since = folder.changes_since(before->highest_modseq);
  CHECK(since.complete);
  CHECK(since.vanished == std::vector<mda::Uid>{2});
  CHECK(since.changed == std::vector<mda::Uid>{1, 5});
  f.put("cur/1.a.h:2,F");  // the same message twice
  REQUIRE(*folder.sync());
  CHECK(folder.view()->count() == 5);
  CHECK(folder.view()->row(5).uid == 6);
}

TEST_CASE("flags are set by renaming, with files others renamed meanwhile") {
  FolderFixture f;
  f.put("cur/1.a.h:2,P");
  f.put("cur/2.b.h:2,");
  auto folder = f.open();
  REQUIRE(*folder.sync());
  mda::Modseq before = folder.view()->highest_modseq;
  f.rename("cur/2.b.h:2,", "cur/2.b.h:2,F");
  mda::FlagUpdate update;
  update.flags = mda::kSeen;
  update.keywords = {"Work"};
  std::vector<mda::Uid> modified;
  REQUIRE(*folder.set_flags({1, 2, 77}, update, modified));
  CHECK(f.home.exists("cur/1.a.h:2,PSa"));
  CHECK(f.home.exists("cur/2.b.h:2,FSa"));
  CHECK(folder.view()->row(1).modseq > before);
  CHECK(f.home.read("dovecot-keywords") == "0 Work\n");
  update.unchanged_since = before;
  update.flags = mda::kDeleted;
  REQUIRE(*folder.set_flags({1}, update, modified));
  CHECK(modified == std::vector<mda::Uid>{1});
  auto other = f.open();
  REQUIRE(*other.sync());
  CHECK(summary(other) == "1:1.a.h:8,Work 2:2.b.h:10,Work ");
  CHECK(other.view()->row(1).modseq == folder.view()->row(1).modseq);
  std::vector<mda::Uid> gone;
  REQUIRE(*other.expunge({1}, gone));
  CHECK(gone == std::vector<mda::Uid>{1});
  REQUIRE(*folder.sync());
  CHECK(summary(folder) == "2:2.b.h:10,Work ");
  CHECK(folder.view()->highest_modseq == other.view()->highest_modseq);
}

TEST_CASE("more keywords than letters live in the index") {
  FolderFixture f;
  f.put("cur/1.a.h:2,");
  auto folder = f.open();
  REQUIRE(*folder.sync());
  mda::FlagUpdate update;
  for (int i = 0; i < 30; ++i) update.keywords.push_back(format("kw{}", i));
  std::vector<mda::Uid> modified;
  REQUIRE(*folder.set_flags({1}, update, modified));
  auto other = f.open();
  REQUIRE(*other.sync());
  CHECK(other.view()->keyword_names(other.view()->row(1).keywords).size() == 30);
  for (int i = 30; i < 70; ++i) update.keywords.push_back(format("kw{}", i));
  CHECK_FALSE(folder.set_flags({1}, update, modified));
}

TEST_CASE("deliveries append to the uidlist and never read the directory") {
  FolderFixture f;
  auto folder = f.open();
  auto reader = f.open();
  for (unsigned i = 1; i <= 3; ++i) {
    mda::StagedFile file;
    file.base = format("{},S=3,W=4", mda::unique_maildir_name("h"));
    file.tmp_path = f.home.path + "/tmp/x";
    f.put("tmp/x", "a\n\n");
    mda::Saved saved;
    Result<void> done;
    REQUIRE(folder.deliver({{file, saved, done}}, false));
    REQUIRE(done);
    CHECK(saved.uids == std::vector<mda::Uid>{i});
    REQUIRE(*reader.sync());
    CHECK(reader.view()->count() == i);
    CHECK(reader.view()->row(i).uid == i);
  }
  CHECK(folder.view()->count() == 0);
  std::vector<mda::Uid> claimed;
  REQUIRE(*reader.claim_recent(claimed));
  CHECK(claimed == std::vector<mda::Uid>{1, 2, 3});
  REQUIRE(*reader.claim_recent(claimed));
  CHECK(claimed.empty());
  REQUIRE(*reader.sync());
  CHECK(reader.view()->count() == 3);
}

TEST_CASE("deliveries that go together are lines in their order; what fails fails alone") {
  FolderFixture f;
  auto folder = f.open();
  std::vector<mda::StagedFile> files(3);
  std::vector<mda::Saved> saved(3);
  std::vector<Result<void>> done(3);
  std::vector<mda::MaildirFolder::Arrival> all;
  for (size_t i = 0; i < 3; ++i) {
    auto name = format("tmp/{}", i);
    if (i != 1) f.put(name, "a\n\n");
    files[i].base = format("{},S=3,W=4", mda::unique_maildir_name("h"));
    files[i].tmp_path = f.home.path + "/" + name;
    all.push_back({files[i], saved[i], done[i]});
  }
  f.put("dovecot-uidlist.lock", "1:elsewhere");
  CHECK_FALSE(folder.deliver(all, false));
  unlink((f.home.path + "/dovecot-uidlist.lock").c_str());
  REQUIRE(folder.deliver(all, false));
  CHECK(done[0]);
  CHECK_FALSE(done[1]);
  CHECK(done[2]);
  CHECK(saved[0].uids == std::vector<mda::Uid>{1});
  CHECK(saved[2].uids == std::vector<mda::Uid>{2});
  CHECK(files[0].tmp_path.empty());
  CHECK_FALSE(files[1].tmp_path.empty());
  auto reader = f.open();
  REQUIRE(*reader.sync());
  CHECK(reader.view()->count() == 2);
}

TEST_CASE("nothing happens while somebody else holds the uidlist lock") {
  FolderFixture f;
  auto folder = f.open();
  REQUIRE(*folder.sync());
  f.put("dovecot-uidlist.lock", "1:elsewhere");
  f.put("new/1.a.h");
  auto busy = folder.sync();
  REQUIRE(busy);
  CHECK_FALSE(*busy);
  unlink((f.home.path + "/dovecot-uidlist.lock").c_str());
  REQUIRE(*folder.sync());
  CHECK(folder.view()->count() == 1);
}

TEST_CASE("a lost uidlist keeps the uidvalidity and gives new uids, a lost index loses nothing") {
  FolderFixture f;
  f.put("cur/1.a.h:2,S");
  f.put("cur/2.b.h:2,");
  uint32_t validity = 0;
  {
    auto folder = f.open();
    REQUIRE(*folder.sync());
    validity = folder.view()->uid_validity;
  }
  unlink((f.home.path + "/dovetail.index").c_str());
  {
    auto folder = f.open();
    REQUIRE(*folder.sync());
    CHECK(folder.view()->uid_validity == validity);
    CHECK(summary(folder) == "1:1.a.h:8 2:2.b.h:0 ");
  }
  unlink((f.home.path + "/dovecot-uidlist").c_str());
  auto folder = f.open();
  REQUIRE(*folder.sync());
  CHECK(folder.view()->uid_validity == validity);
  CHECK(summary(folder) == "3:1.a.h:8 4:2.b.h:0 ");
}

TEST_CASE("old and broken uidlists are written anew") {
  FolderFixture f;
  f.put("cur/1500000000.a.host:2,S");
  f.put("cur/1500000001.b.host:2,");
  f.put("dovecot-uidlist", "1 1234567890 20\n7 1500000000.a.host\n9 1500000001.b.host\n");
  {
    auto folder = f.open();
    REQUIRE(*folder.sync());
    CHECK(summary(folder) == "7:1500000000.a.host:8 9:1500000001.b.host:0 ");
    CHECK(folder.view()->uid_next == 20);
    CHECK(f.home.read("dovecot-uidlist").starts_with("3 V1234567890 N20 G"));
  }
  f.put("dovecot-uidlist", "rubbish\n");
  std::string logged;
  base::capture_log([&](base::Level, std::string_view, std::string_view text) { logged += text; });
  auto folder = f.open();
  REQUIRE(*folder.sync());
  base::capture_log({});
  CHECK(logged == format("Mailbox INBOX: Broken file {}/dovecot-uidlist line 1: Corrupted header "
                         "(invalid version number)",
                         f.home.path));
  CHECK(folder.view()->count() == 2);
}

TEST_CASE("a damaged index is thrown away with one line, and modseqs only grow") {
  FolderFixture f;
  f.put("cur/1.a.h:2,S");
  mda::Modseq modseq = 0;
  {
    auto folder = f.open();
    REQUIRE(*folder.sync());
    modseq = folder.view()->highest_modseq;
  }
  std::string index = f.home.read("dovetail.index");
  index[70] = static_cast<char>(index[70] + 1);
  f.put("dovetail.index", index);
  int lines = 0;
  base::capture_log([&](base::Level, std::string_view, std::string_view) { ++lines; });
  auto folder = f.open();
  REQUIRE(*folder.sync());
  base::capture_log({});
  CHECK(lines == 1);
  CHECK(summary(folder) == "1:1.a.h:8 ");
  CHECK(folder.view()->highest_modseq > modseq);
}

TEST_CASE("files left in tmp/ go after 36 hours") {
  FolderFixture f;
  f.put("tmp/1.left.h");
  int64_t now = base::wall_now().seconds;
  auto folder = f.open();
  REQUIRE(*folder.sync());
  CHECK(f.home.exists("tmp/1.left.h"));
  base::set_wall_clock([now] { return base::Wall{now + 37 * 3600, 0}; });
  auto later = f.open();
  REQUIRE(*later.sync());
  base::set_wall_clock({});
  CHECK_FALSE(f.home.exists("tmp/1.left.h"));
}

TEST_CASE("half a line at the end of the uidlist costs nobody a uid") {
  FolderFixture f;
  f.put("cur/1.a.h:2,");
  f.put("cur/2.b.h:2,");
  f.put("dovecot-uidlist", "3 V5 N2 G0123\n1 :1.a.h\n2 :2.");
  auto folder = f.open();
  REQUIRE(*folder.sync());
  CHECK(summary(folder) == "1:1.a.h:0 2:2.b.h:0 ");
  CHECK(f.home.read("dovecot-uidlist") == "3 V5 N2 G0123\n1 :1.a.h\n2 :2.b.h\n");
}
