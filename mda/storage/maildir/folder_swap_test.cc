// A folder opened again by another process, and one that the incumbent had in between.
// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mda/storage/maildir/folder.h"
#include "mda/storage/storage_test.h"
#include "tests/catch.h"

using namespace dovetail;

namespace {

struct SwapFixture {
  mda::TestDirectory home;
  std::shared_ptr<mda::StoreSettings> settings = std::make_shared<mda::StoreSettings>();
  SwapFixture() {
    settings->hostname = "host.example";
    settings->mail_fsync = mda::MailFsync::never;
    for (const char* part : {"/cur", "/new", "/tmp"})
      std::filesystem::create_directory(home.path + part);
  }
  std::unique_ptr<mda::MaildirFolder> open() const {
    mda::FolderPaths paths{"INBOX", home.path, home.path, home.path, home.path, false};
    auto folder = std::make_unique<mda::MaildirFolder>(paths, settings, Logger("test"));
    auto synced = folder->sync();
    REQUIRE(synced);
    REQUIRE(*synced);
    return folder;
  }
  // As if its last change were long ago; 0: now.
  void age(const char* part, time_t seconds) const {
    const timespec times[2] = {{seconds, 500}, {seconds, 500}};
    REQUIRE(utimensat(AT_FDCWD, (home.path + part).c_str(), times, 0) == 0);
  }
  void age_all() const {
    age("/cur", 1700000000);
    age("/new", 1700000000);
  }
  void import_recorded(const std::string& which) const {
    for (const char* name : {"dovecot.index", "dovecot.index.log", "dovecot.index.cache"}) {
      auto bytes =
          base::read_file(std::string(DOVETAIL_TEST_DATA) + "/dovecot-index/" + which + "/" + name);
      if (bytes) home.write(name, *bytes);
    }
  }
};

std::string swap_line(const mda::MaildirFolder& folder, size_t seq) {
  auto view = folder.view();
  const mda::Row& row = view->row(seq);
  std::string text =
      format("{} {} {} {}", row.uid, row.unclaimed ? "new" : "cur", row.file, row.flags);
  for (const std::string& name : view->keyword_names(row.keywords)) text += " " + name;
  return text;
}

// The mailbox the recorded index "grown" belongs to.
void write_grown(const SwapFixture& f) {
  std::string names;
  for (int i = 0; i < 26; ++i) names += format("{} K{:02}\n", i, i);
  f.home.write("dovecot-keywords", names);
  f.home.write(
      "dovecot-uidlist",
      "3 V1795193410 N7 G0123456789abcdef0123456789abcdef\n1 :a\n2 :b\n4 :d\n5 :e\n6 :f\n");
  for (const char* name : {"a:2,afkpuz", "b:2,Sbglqv", "d:2,dinsx", "e:2,ejoty", "f:2,S"})
    f.home.write(std::string("cur/") + name, "Subject: x\n\nbody\n");
}

}  // namespace

TEST_CASE("a folder that did not change is opened without reading its directories") {
  SwapFixture f;
  for (const char* name :
       {"cur/1.a:2,FSb", "cur/2.b", "cur/3.c:2,SF", "cur/4.d:2,Xq", "new/5.e", "new/6.f:2,S"})
    f.home.write(name, "Subject: x\n\nbody\n");
  f.home.write("dovecot-keywords", "1 Two\n");
  f.age_all();
  std::vector<std::string> before;
  mda::Modseq modseq = 0;
  {
    auto folder = f.open();
    for (size_t seq = 1; seq <= 6; ++seq) before.push_back(swap_line(*folder, seq));
    modseq = folder->view()->highest_modseq;
  }
  // What nobody could know of without reading.
  f.home.write("cur/9.hidden:2,", "x\n");
  f.home.write("new/9.also", "x\n");
  f.age_all();
  auto folder = f.open();
  REQUIRE(folder->view()->count() == 6);
  for (size_t seq = 1; seq <= 6; ++seq) CHECK(swap_line(*folder, seq) == before[seq - 1]);
  CHECK(folder->view()->highest_modseq == modseq);
  CHECK(folder->view()->row(1).modseq > 0);
  // new/ alone has changed: cur/ is still not read.
  f.age("/new", 1700000001);
  REQUIRE(*folder->sync());
  CHECK(folder->view()->count() == 7);
  f.age("/cur", 1700000001);
  REQUIRE(*folder->sync());
  CHECK(folder->view()->count() == 8);
}

TEST_CASE("own changes are remembered for the next process, others' are seen by it") {
  SwapFixture f;
  for (const char* name : {"cur/1.a:2,", "cur/2.b:2,", "cur/3.c:2,", "new/4.d"})
    f.home.write(name, "Subject: x\n\nbody\n");
  f.age_all();
  mda::Modseq changed = 0;
  {
    auto folder = f.open();
    mda::FlagUpdate update;
    update.flags = mda::kFlagged;
    update.keywords = {"Work"};
    std::vector<mda::Uid> uids;
    REQUIRE(*folder->set_flags({2}, update, uids));
    REQUIRE(*folder->claim_recent(uids));
    REQUIRE(*folder->expunge({1}, uids));
    changed = folder->view()->row(1).modseq;
  }
  struct stat cur {};
  REQUIRE(stat((f.home.path + "/cur").c_str(), &cur) == 0);
  f.home.write("cur/9.hidden:2,", "x\n");
  const timespec times[2] = {cur.st_mtim, cur.st_mtim};
  REQUIRE(utimensat(AT_FDCWD, (f.home.path + "/cur").c_str(), times, 0) == 0);
  {
    auto folder = f.open();
    REQUIRE(folder->view()->count() == 3);
    CHECK(swap_line(*folder, 1) == "2 cur 2.b:2,Fa 2 Work");
    CHECK(swap_line(*folder, 3) == "4 cur 4.d:2, 0");
    CHECK(folder->view()->row(1).modseq == changed);
    mda::ChangesSince since = folder->changes_since(changed);
    CHECK(since.vanished == std::vector<mda::Uid>{1});
  }
  REQUIRE(::rename((f.home.path + "/cur/3.c:2,").c_str(), (f.home.path + "/cur/3.c:2,T").c_str()) ==
          0);
  auto folder = f.open();
  CHECK(swap_line(*folder, 2) == "3 cur 3.c:2,T 4");
  CHECK(folder->view()->row(2).modseq > changed);
}

TEST_CASE("an index that belongs to another mailbox, or lost its uidlist, is not believed") {
  SwapFixture f, other;
  f.home.write("cur/1.a:2,S", "x\n");
  other.home.write("cur/7.g:2,F", "x\n");
  f.age_all();
  other.age_all();
  { auto folder = f.open(); }
  { auto folder = other.open(); }
  f.home.write("dovetail.index", other.home.read("dovetail.index"));
  {
    auto folder = f.open();
    REQUIRE(folder->view()->count() == 1);
    CHECK(swap_line(*folder, 1) == "1 cur 1.a:2,S 8");
  }
  f.home.write("dovecot-uidlist", "3 V99 N50 G00000000000000000000000000000000\n40 :1.a\n");
  auto folder = f.open();
  CHECK(swap_line(*folder, 1) == "40 cur 1.a:2,S 8");
  CHECK(folder->view()->uid_validity == 99);
}

TEST_CASE("the incumbent's index is taken over on first sight and then removed") {
  SwapFixture f;
  write_grown(f);
  f.import_recorded("grown");
  f.home.write("dovecot.list.index.log", "x");
  f.age_all();
  mda::Modseq highest = 0;
  {
    auto folder = f.open();
    auto view = folder->view();
    REQUIRE(view->count() == 5);
    CHECK(view->highest_modseq > 1236);
    CHECK(swap_line(*folder, 1) == "1 cur a:2,afkpuz 0 K00 K05 K10 K15 K20 K25 K26 K30 K31");
    CHECK(view->row(1).modseq == 1233);
    CHECK(view->row(2).modseq == 1236);
    CHECK(view->row(5).modseq > 1236);  // its \Seen came after the incumbent looked
    for (const char* name :
         {"dovecot.index", "dovecot.index.log", "dovecot.index.cache", "dovecot.list.index.log"})
      CHECK_FALSE(f.home.exists(name));
    auto infos = folder->info({1}, mda::kWantDate);
    CHECK(infos->at(0).save_date == 1795193411);
    highest = view->highest_modseq;
  }
  // Left for the incumbent, with the keywords that have no letters.
  mda::ForeignIndex left;
  REQUIRE(left.read_log(f.home.read("dovecot.index.log")));
  CHECK(left.highest_modseq() > highest);
  REQUIRE(left.messages().size() == 5);
  CHECK(left.messages()[0].keywords.size() == 9);
  CHECK(left.messages()[1].flags == mda::kSeen);
  {
    auto folder = f.open();  // ours: not taken for a foreign one
    CHECK(folder->view()->highest_modseq == highest);
    CHECK(f.home.exists("dovecot.index.log"));
  }
  // The incumbent writes into it: keyword K31 goes from message 1, and comes to message 6.
  mda::StubContents contents;
  contents.initial_modseq = left.highest_modseq() + 10;
  contents.uid_validity = 1795193410;
  contents.keywords = left.keywords();
  contents.keywords.resize(64);
  contents.keywords[40] = "Late";
  for (const auto& message : left.messages())
    contents.rows.push_back({message.uid, message.flags, mda::KeywordSet{1} << 40});
  std::string log = mda::make_stub_log(contents);
  f.home.write("dovecot.index.log", log);
  auto folder = f.open();
  CHECK(folder->view()->highest_modseq > contents.initial_modseq);
  CHECK(swap_line(*folder, 1) == "1 cur a:2,afkpuz 0 K00 K05 K10 K15 K20 K25 Late");
  CHECK_FALSE(f.home.exists("dovecot.index.log"));
}

TEST_CASE("a family that appears while a folder is open is taken over too") {
  SwapFixture f;
  write_grown(f);
  f.age_all();
  auto folder = f.open();
  mda::Modseq before = folder->view()->highest_modseq;
  f.import_recorded("grown");
  REQUIRE(*folder->sync());
  CHECK_FALSE(f.home.exists("dovecot.index"));
  CHECK(folder->view()->highest_modseq > before);
  CHECK(swap_line(*folder, 2) == "2 cur b:2,Sbglqv 8 K01 K06 K11 K16 K21 K26 K31 K27");
}

TEST_CASE("damage in the incumbent's index costs what it said, nothing else") {
  SwapFixture f;
  write_grown(f);
  f.import_recorded("grown");
  f.home.write("dovecot.index", std::string(300, '\xff'));
  f.home.write("dovecot.index.log", "no log");
  f.age_all();
  auto folder = f.open();
  REQUIRE(folder->view()->count() == 5);
  CHECK(swap_line(*folder, 2) == "2 cur b:2,Sbglqv 8 K01 K06 K11 K16 K21");
  CHECK_FALSE(f.home.exists("dovecot.index"));
}
