// dovecot-uidlist: its words, reading what was added, rewriting, and the small control files.
// SPDX-License-Identifier: Apache-2.0
#include "mda/storage/maildir/uidlist.h"

#include "common/base/text.h"
#include "mda/storage/maildir/control_files.h"
#include "mda/storage/maildir/filename.h"
#include "mda/storage/storage_test.h"
#include "tests/catch.h"

using namespace dovetail;

TEST_CASE(
    "uidlist headers of versions 3 and 1 are read, others are refused with the incumbent's words") {
  auto header =
      mda::parse_uidlist_header("3 V1234567890 N50 G0123456789abcdef0123456789abcdef Pxu");
  REQUIRE(header);
  CHECK(header->uid_validity == 1234567890);
  CHECK(header->next_uid == 50);
  CHECK(mda::format_uidlist_header(*header) ==
        "3 V1234567890 N50 G0123456789abcdef0123456789abcdef Pxu\n");
  auto old = mda::parse_uidlist_header("1 1234567890 20");
  REQUIRE(old);
  CHECK(old->version == 1);
  CHECK(old->next_uid == 20);
  CHECK(mda::parse_uidlist_header("garbage").error().text == "(invalid version number)");
  CHECK_FALSE(mda::parse_uidlist_header("2 V1 N1"));
  CHECK_FALSE(mda::parse_uidlist_header("3 N1"));
  CHECK_FALSE(mda::parse_uidlist_header(""));
}

TEST_CASE("uidlist lines keep fields they do not know") {
  struct Row {
    const char* line;
    unsigned version;
    mda::Uid uid;
    const char* fields;
    const char* name;
  };
  const Row rows[] = {
      {"7 W262 Pold-uidl-7 O5 :1500000000.a.host", 3, 7, "W262 Pold-uidl-7 O5",
       "1500000000.a.host"},
      {"1 :1.M1P1.h,S=1,W=2", 3, 1, "", "1.M1P1.h,S=1,W=2"},
      {"9 1500000001.b.host", 1, 9, "", "1500000001.b.host"},
      {"9 1500000001.b.host:2,S", 1, 9, "", "1500000001.b.host"},
  };
  for (const Row& row : rows) {
    INFO(row.line);
    auto entry = mda::parse_uidlist_line(row.line, row.version);
    REQUIRE(entry);
    CHECK(entry->uid == row.uid);
    CHECK(entry->fields == row.fields);
    CHECK(entry->name == row.name);
    if (row.version == 3) CHECK(mda::format_uidlist_line(*entry) == std::string(row.line) + "\n");
  }
  for (const char* line : {"", "x", "0 :a", "1", "1 W5", "1 :", "1 :a/b", "99999999999 :a"}) {
    INFO(line);
    CHECK_FALSE(mda::parse_uidlist_line(line, 3));
  }
  CHECK(mda::uidlist_field("W262 Pold O5", 'P') == "old");
  CHECK_FALSE(mda::uidlist_field("W262", 'G'));
}

TEST_CASE("a uidlist is read whole once, then only what was added") {
  mda::TestDirectory home;
  std::string path = home.path + "/dovecot-uidlist";
  home.write("dovecot-uidlist", "3 V5 N1 Gx\n1 :a\n2 :b\n3 :torn");
  mda::Uidlist list(path, "host", {});
  auto read = list.refresh();
  REQUIRE(read);
  CHECK(read->replaced);
  CHECK(read->entries.size() == 2);
  CHECK(list.next_uid() == 3);
  home.write("dovecot-uidlist", "3 V5 N1 Gx\n1 :a\n2 :b\n3 :torn\n7 :c\n");  // same file, longer
  read = list.refresh();
  REQUIRE(read);
  CHECK_FALSE(read->replaced);
  REQUIRE(read->entries.size() == 2);
  CHECK(read->entries[1].uid == 7);
  REQUIRE(*list.try_lock());
  mda::Uidlist other(path, "host", {});
  CHECK_FALSE(*other.try_lock());
  uint32_t validity = 0;
  auto first = list.append_new({{0, "", "d"}, {0, "Gguid", "e"}}, validity);
  REQUIRE(first);
  CHECK(*first == std::optional<mda::Uid>(8));
  CHECK(validity == 5);
  list.unlock();
  read = list.refresh();
  CHECK(read->entries.size() == 2);
  CHECK(home.read("dovecot-uidlist") ==
        "3 V5 N1 Gx\n1 :a\n2 :b\n3 :torn\n7 :c\n8 :d\n9 Gguid :e\n");
  REQUIRE(*other.try_lock());
  REQUIRE(other.rewrite({3, 5, 20, "x", " Pxu"}, {{9, "", "e"}}));
  other.unlock();
  read = list.refresh();
  CHECK(read->replaced);
  CHECK(list.next_uid() == 20);
  CHECK(home.read("dovecot-uidlist") == "3 V5 N20 Gx Pxu\n9 :e\n");
  CHECK_FALSE(home.exists("dovecot-uidlist.lock"));
}

TEST_CASE("a lock of a dead process is taken over, one of a living is not") {
  mda::TestDirectory home;
  home.write("f.lock", "999999999:host");
  auto lock = mda::Dotlock::try_lock(home.path + "/f", "host");
  REQUIRE(lock);
  CHECK(lock->has_value());
  lock->reset();
  home.write("f.lock", "999999999:elsewhere");
  lock = mda::Dotlock::try_lock(home.path + "/f", "host");
  REQUIRE(lock);
  CHECK_FALSE(lock->has_value());
}

TEST_CASE("a lock by link is held by flock too, and is seen when its holder is gone") {
  mda::TestDirectory home;
  struct Clock {
    explicit Clock(int64_t ahead) {
      base::set_wall_clock([ahead] { return base::Wall{time(nullptr) + ahead, 0}; });
    }
    ~Clock() { base::set_wall_clock({}); }
  };
  auto path = home.path + "/f";
  home.write("f", "3 V5 N1 Gx\n1 :name\n");
  {
    auto lock = mda::Dotlock::try_link(path, "host");
    REQUIRE((lock && *lock));
    CHECK((*lock)->still_ours());
    CHECK_FALSE(mda::Dotlock::try_link(path, "host")->has_value());
    CHECK_FALSE(mda::Dotlock::try_lock(path, "host")->has_value());
    Clock later(60);
    CHECK_FALSE(mda::Dotlock::try_link(path, "host")->has_value());
    CHECK_FALSE(mda::Dotlock::try_lock(path, "host")->has_value());
  }
  CHECK_FALSE(home.exists("f.lock"));
  CHECK(home.read("f") == "3 V5 N1 Gx\n1 :name\n");
  // What a crash leaves: nobody's flock. Just made it may be one whose holder is about to look.
  REQUIRE(::link(path.c_str(), (path + ".lock").c_str()) == 0);
  CHECK_FALSE(mda::Dotlock::try_link(path, "host")->has_value());
  {
    Clock later(10);
    CHECK(mda::Dotlock::try_link(path, "host")->has_value());
  }
  CHECK_FALSE(home.exists("f.lock"));
  // A lock of the incumbent's is respected; a file that is not there yet is locked in his way.
  home.write("f.lock", "1:elsewhere");
  CHECK_FALSE(mda::Dotlock::try_link(path, "host")->has_value());
  auto missing = mda::Dotlock::try_link(home.path + "/none", "host");
  REQUIRE((missing && *missing));
  CHECK(home.read("none.lock") == format("{}:host", getpid()));
}

TEST_CASE("flags and keywords are read from names and written back in the incumbent's order") {
  mda::NameFlags flags = mda::parse_name_flags("1600000002.ext3.host:2,STFRXab");
  CHECK(flags.flags == (mda::kSeen | mda::kDeleted | mda::kFlagged | mda::kAnswered));
  CHECK(flags.keywords == 3);
  CHECK(mda::maildir_name("1600000002.ext3.host", flags) == "1600000002.ext3.host:2,FRSTXab");
  CHECK(mda::parse_name_flags("a:1,foo").flags == 0);
  CHECK(mda::parse_name_flags("a").flags == 0);
  CHECK(mda::physical_size_in_name("1.M1P1.h,S=252,W=262:2,S") == std::optional<uint64_t>(252));
  CHECK(mda::virtual_size_in_name("1.M1P1.h,S=252,W=262:2,S") == std::optional<uint64_t>(262));
  CHECK_FALSE(mda::virtual_size_in_name("1.M1P1.h:2,S,W=5"));
  CHECK(mda::maildir_name_before("9.M5P1.h", "10.M1P1.h"));
  CHECK(mda::maildir_name_before("9.M5P1.h", "9.M40P1.h"));
  CHECK(mda::unique_maildir_name("a/b:c") != mda::unique_maildir_name("a/b:c"));
}

TEST_CASE("keywords get letters until there are none, uidvalidities grow") {
  mda::TestDirectory home;
  std::string path = home.path + "/dovecot-keywords";
  home.write("dovecot-keywords", "0 $Label1\n2 Junk\n");
  auto names = mda::add_maildir_keyword(path, "Work", "host", 0600);
  REQUIRE(names);
  CHECK((**names)[1] == "Work");
  names = mda::add_maildir_keyword(path, "JUNK", "host", 0600);
  CHECK((**names).size() == 3);
  for (int i = 0; i < 30; ++i)
    REQUIRE(mda::add_maildir_keyword(path, format("kw{}", i), "host", 0600));
  CHECK(mda::read_maildir_keywords(path)->size() == 26);
  home.write("dovecot-uidvalidity", "6b00397c");
  home.write("dovecot-uidvalidity.6b00397c", "");
  CHECK(*mda::next_uid_validity(home.path, 0600) == 0x6b00397d);
  CHECK(*mda::next_uid_validity(home.path, 0600) == 0x6b00397e);
  CHECK(home.read("dovecot-uidvalidity") == "6b00397e");
  CHECK(home.exists("dovecot-uidvalidity.6b00397e"));
  CHECK_FALSE(home.exists("dovecot-uidvalidity.6b00397c"));
}
