// Tables written by the libraries and read by our readers, and files that are no tables.
// SPDX-License-Identifier: Apache-2.0
#include "lookup/build/writer.h"

#include <unistd.h>

#include <cstdlib>
#include <set>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/lock.h"
#include "common/base/random.h"
#include "common/base/text.h"
#include "lookup/bdb_reader.h"
#include "lookup/match_list.h"
#include "lookup/test_tables.h"
#include "tests/catch.h"

using namespace dovetail;
using namespace dovetail::lookup;

namespace {

struct TestDirectory {
  std::string path = "/tmp/dovetail_lookup_XXXXXX";
  TestDirectory() { REQUIRE(mkdtemp(path.data())); }
  ~TestDirectory() {
    auto names = base::list_directory(path);
    for (auto& name : *names) unlink((path + "/" + name).c_str());
    rmdir(path.c_str());
  }
};

bool can_write(const char* type) {
  TestDirectory directory;
  WriteOptions options;
  options.truncate = true;
  return bool(open_writer(type, directory.path + "/probe", options));
}

}  // namespace

TEST_CASE("what is written is found, what is not is not") {
  for (std::string type : {"hash", "btree", "lmdb", "cdb"}) {
    if (!can_write(type.c_str())) continue;
    for (auto end : {KeyEnd::unknown, KeyEnd::with_nul, KeyEnd::without_nul}) {
      INFO(type << " " << static_cast<int>(end));
      TestDirectory directory;
      TestTables tables;
      WriteOptions options;
      options.truncate = true;
      options.key_end = end;
      auto writer = open_writer(type, directory.path + "/t", options);
      REQUIRE(writer);
      // Enough for many pages, long values for overflow pages.
      for (int at = 0; at < 3000; ++at) {
        auto inserted = (*writer)->insert(
            format("key{}", at), at % 500 ? format("value {}", at) : std::string(9000, 'x'));
        REQUIRE((inserted && *inserted));
        // Long keys, too, lie between the others in the order of the pages.
        if (at % 100 == 0 && type != "lmdb")
          REQUIRE((*writer)->insert(std::string(5000, 'k') + format("{}", at), "v"));
      }
      auto again = (*writer)->insert("key1", "other");
      REQUIRE((again && !*again));
      REQUIRE((*writer)->finish());
      auto table = open_table(tables.loop, tables.main_cf, type + ":" + directory.path + "/t",
                              tables.options());
      REQUIRE(table);
      for (int at = 0; at < 3000; ++at) {
        auto found = (*table)->try_now(format("KEY{}", at));
        REQUIRE((found && *found && **found));
        CHECK(***found == (at % 500 ? format("value {}", at) : std::string(9000, 'x')));
        if (at % 100 || type == "lmdb") continue;
        auto long_key = std::string(5000, 'k') + format("{}", at);
        CHECK(TestTables::text_of(*(*table)->try_now(long_key)) == "v");
      }
      CHECK(TestTables::text_of(*(*table)->try_now("key3000")) == "-");
      CHECK(TestTables::text_of(*(*table)->try_now("")) == "-");
    }
  }
}

TEST_CASE("a walk meets every entry once") {
  for (std::string type : {"hash", "btree", "lmdb"}) {
    if (!can_write(type.c_str())) continue;
    INFO(type);
    TestDirectory directory;
    TestTables tables;
    WriteOptions options;
    options.truncate = true;
    auto writer = open_writer(type, directory.path + "/t", options);
    for (int at = 0; at < 1000; ++at) REQUIRE((*writer)->insert(format("key{}", at), "v"));
    REQUIRE((*writer)->finish());
    options.truncate = false;
    auto change = open_writer(type, directory.path + "/t", options);
    REQUIRE(change);
    auto removed = (*change)->remove("key7");
    REQUIRE((removed && *removed));
    auto missing = (*change)->remove("none");
    REQUIRE((missing && !*missing));
    REQUIRE((*change)->finish());
    auto table = open_table(tables.loop, tables.main_cf, type + ":" + directory.path + "/t",
                            tables.options());
    std::set<std::string> keys;
    for (bool first = true;; first = false) {
      auto entry = (*table)->next(first);
      REQUIRE(entry);
      if (!*entry) break;
      CHECK(keys.insert((*entry)->first).second);
    }
    CHECK(keys.size() == 999);
  }
}

TEST_CASE("a table rebuilt in place is seen by those who have it open") {
  if (!can_write("hash")) return;
  TestDirectory directory;
  TestTables tables;
  WriteOptions options;
  options.truncate = true;
  auto make = [&](const char* value) {
    auto writer = open_writer("hash", directory.path + "/t", options);
    REQUIRE((*writer)->insert("k", value));
    REQUIRE((*writer)->finish());
  };
  make("old");
  auto table =
      open_table(tables.loop, tables.main_cf, "hash:" + directory.path + "/t", tables.options());
  CHECK(TestTables::text_of(*(*table)->try_now("k")) == "old");
  make("new");
  CHECK(TestTables::text_of(*(*table)->try_now("k")) == "new");
  auto writer = open_writer("hash", directory.path + "/t", options);
  CHECK(!(*table)->try_now("k"));  // being written: ask again later
}

TEST_CASE("pages kept of a table are forgotten when it is rebuilt in place") {
  for (std::string type : {"hash", "btree"}) {
    if (!can_write(type.c_str())) continue;
    INFO(type);
    TestDirectory directory;
    TestTables tables;
    WriteOptions options;
    options.truncate = true;
    auto make = [&](const char* value, size_t filler) {
      auto writer = open_writer(type, directory.path + "/t", options);
      for (int at = 0; at < 500; ++at) REQUIRE((*writer)->insert(format("k{}", at), value));
      // Another size: without it this test would depend on the clock's ticks.
      REQUIRE((*writer)->insert("filler", std::string(filler, 'x')));
      REQUIRE((*writer)->finish());
    };
    make("old", 100);
    auto real = base::wall_now();
    base::set_wall_clock([&] { return base::Wall{real.seconds + 100, 0}; });  // stamps have settled
    auto table = open_table(tables.loop, tables.main_cf, type + ":" + directory.path + "/t",
                            tables.options());
    REQUIRE(table);
    for (int round = 0; round < 2; ++round)
      CHECK(TestTables::text_of(*(*table)->try_now("k7")) == "old");
    make("new", 100000);
    CHECK(TestTables::text_of(*(*table)->try_now("k7")) == "new");
    CHECK(TestTables::text_of(*(*table)->try_now("k8")) == "new");
    base::set_wall_clock({});
  }
}

TEST_CASE("a table that is held keeps its writer out until it is released") {
  if (!can_write("hash")) return;
  TestDirectory directory;
  TestTables tables;
  WriteOptions options;
  options.truncate = true;
  auto writer = open_writer("hash", directory.path + "/t", options);
  REQUIRE((*writer)->insert("k", "v"));
  REQUIRE((*writer)->finish());
  auto table =
      open_table(tables.loop, tables.main_cf, "hash:" + directory.path + "/t", tables.options());
  auto other = base::open_file(directory.path + "/t.db", O_RDWR);
  (*table)->hold();
  CHECK(!*base::try_flock(other->get(), base::LockKind::exclusive));
  CHECK(TestTables::text_of(*(*table)->try_now("k")) == "v");
  CHECK(!*base::try_flock(other->get(), base::LockKind::exclusive));
  (*table)->release();
  CHECK(*base::try_flock(other->get(), base::LockKind::exclusive));
  (*table)->hold();  // does not wait, and answers nothing it could not read under the lock
  CHECK(!(*table)->try_now("k"));
  (*table)->release();
}

TEST_CASE("edited and replaced files are noticed") {
  TestDirectory directory;
  TestTables tables;
  auto path = directory.path + "/t";
  REQUIRE(base::replace_file(path, "k v\n", 0644));
  for (std::string type : {"texthash", "unionmap"}) {
    auto name = type == "texthash" ? "texthash:" + path : "unionmap:{texthash:" + path + "}";
    auto table = open_table(tables.loop, tables.main_cf, name, tables.options());
    REQUIRE(table);
    CHECK(!(*table)->changed());
    REQUIRE(base::replace_file(path, "k w\n", 0644));
    CHECK((*table)->changed());
  }
  auto list =
      MatchList::open(tables.loop, tables.main_cf, "mydestination", path, false, tables.options());
  REQUIRE(list);
  CHECK(!list->changed());
  auto edit = base::open_file(path, O_WRONLY | O_TRUNC);
  REQUIRE(base::write_all(edit->get(), "longer text\n"));
  CHECK(list->changed());
}

TEST_CASE("damaged Berkeley DB files are errors, not crashes") {
  if (!can_write("hash")) return;
  for (std::string type : {"hash", "btree"}) {
    TestDirectory directory;
    TestTables tables;
    WriteOptions options;
    options.truncate = true;
    auto path = directory.path + "/t";
    auto writer = open_writer(type, path, options);
    for (int at = 0; at < 400; ++at) REQUIRE((*writer)->insert(format("key{}", at), "v"));
    REQUIRE((*writer)->finish());
    auto good = base::read_file(path + ".db");
    REQUIRE(good);
    uint32_t seed = 1;
    for (int round = 0; round < 400; ++round) {
      std::string bad = *good;
      for (int change = 0; change < 20; ++change) {
        seed = seed * 1664525 + 1013904223;
        bad[(seed >> 4) % bad.size()] = static_cast<char>(seed >> 24);
      }
      if (round % 7 == 0) bad.resize((seed >> 3) % bad.size());
      REQUIRE(base::replace_file(path + ".db", bad, 0600));
      auto table = open_table(tables.loop, tables.main_cf, type + ":" + path, tables.options());
      if (!table) continue;
      for (int at = 0; at < 20; ++at) (void)(*table)->try_now(format("key{}", at));
      int walked = 0;
      for (bool first = true; walked < 2000; first = false, ++walked) {
        auto entry = (*table)->next(first);
        if (!entry || !*entry) break;
      }
      CHECK(walked < 2000);
    }
  }
}
