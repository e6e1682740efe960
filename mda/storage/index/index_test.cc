// The index file and what may happen to it: cut short, another boot, another mailbox, no room, no rights.
// SPDX-License-Identifier: Apache-2.0
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

#include "mda/storage/index/blocks.h"
#include "mda/storage/index/folder_index.h"
#include "mda/storage/index/open_indexes.h"
#include "mda/storage/storage_test.h"
#include "tests/catch.h"

using namespace dovetail;

namespace {

mda::FolderIndex::Access index_access() {
  return {0600, false};
}

mda::IndexRow index_row(mda::Uid uid, mda::Modseq modseq) {
  mda::IndexRow row;
  row.uid = uid;
  row.flags = mda::kSeen;
  row.keywords = 3;
  row.modseq = modseq;
  return row;
}

// Ten rows of one mailbox, texts for one of them.
void fill_index(const std::string& path, bool close) {
  mda::FolderIndex index(path, index_access(), Logger("test"));
  REQUIRE(index.try_lock());
  index.reset(77, "0123");
  for (mda::Uid uid = 1; uid <= 10; ++uid) {
    index.put_rows({index_row(uid, index.highest_modseq() + 1)});
    index.commit();
  }
  index.put_suffix(3, ":2,Xq");
  index.put_keyword(30, "Thirty");
  index.put_texts({{4, {"env", "body", "structure", "<a@b>"}}});
  mda::IndexFolder folder;
  folder.cur = {1234, 5678, 0, 0, true};
  index.put_folder(folder);
  index.put_mark(11);
  if (close) index.put_closed();
  index.unlock();
}

std::string set_boot(std::string file, char digit) {
  for (size_t i = 17; i < 17 + 36; ++i) file[i] = digit;
  return file;
}

}  // namespace

TEST_CASE("the check sum of a block is CRC-32C") {
  CHECK(mda::crc32c("123456789") == 0xE3069283u);
  CHECK(mda::crc32c(std::string(32, '\0')) == 0x8A9136AAu);
  CHECK(mda::crc32c("") == 0);
}

TEST_CASE("what one process puts into the index another finds there") {
  mda::TestDirectory home;
  fill_index(home.path, false);
  mda::FolderIndex index(home.path, index_access(), Logger("test"));
  index.refresh();
  REQUIRE(index.rows().size() == 10);
  CHECK(index.rows()[9].uid == 10);
  CHECK(index.rows()[9].modseq == index.highest_modseq());
  CHECK(index.uid_validity() == 77);
  CHECK(index.guid() == "0123");
  CHECK(index.uid_next() == 11);
  CHECK(index.odd_suffix(3) == ":2,Xq");
  CHECK(index.keywords().at(30) == "Thirty");
  CHECK(index.folder().cur.seconds == 1234);
  CHECK_FALSE(index.folder().fresh.known);
  auto texts = index.texts(*index.find(4));
  REQUIRE(texts);
  CHECK(texts->sort_keys == "<a@b>");
  CHECK(texts->body_structure == "structure");
  CHECK_FALSE(index.texts(*index.find(5)));
}

TEST_CASE("an index cut short anywhere gives only what was whole, and can be written again") {
  mda::TestDirectory home;
  fill_index(home.path, false);
  std::string whole = home.read("dovetail.index");
  for (size_t length = 0; length < whole.size(); length += 7) {
    home.write("dovetail.index", whole.substr(0, length));
    mda::FolderIndex index(home.path, index_access(), Logger("test"));
    index.refresh();
    size_t rows = index.rows().size();
    for (size_t i = 0; i < rows; ++i) CHECK(index.rows()[i].uid == i + 1);
    REQUIRE(index.try_lock());
    index.put_rows({index_row(100, index.highest_modseq() + 1)});
    index.unlock();
    mda::FolderIndex again(home.path, index_access(), Logger("test"));
    again.refresh();
    INFO(length);
    CHECK(again.rows().size() == index.rows().size());
    CHECK(again.find(100) != nullptr);
    CHECK(again.highest_modseq() == index.highest_modseq());
  }
}

TEST_CASE("a damaged block, or a file of another kind, is thrown away, and modseqs still grow") {
  mda::TestDirectory home;
  fill_index(home.path, false);
  std::string whole = home.read("dovetail.index");
  mda::FolderIndex before(home.path, index_access(), Logger("test"));
  before.refresh();
  size_t empty = 0;
  for (size_t at = 0; at < whole.size(); at += 5) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
    home.write("dovetail.index", damaged);
    mda::FolderIndex index(home.path, index_access(), Logger("test"));
    index.refresh();
    for (size_t i = 0; i < index.rows().size(); ++i) CHECK(index.rows()[i].uid == i + 1);
    empty += index.rows().empty();
    if (!index.rows().empty()) continue;
    REQUIRE(index.try_lock());
    CHECK(index.highest_modseq() >= before.highest_modseq() - 10);
    index.unlock();
  }
  CHECK(empty > 10);
}

TEST_CASE("an index of another boot counts only if it was closed") {
  for (bool closed : {true, false}) {
    mda::TestDirectory home;
    fill_index(home.path, closed);
    home.write("dovetail.index", set_boot(home.read("dovetail.index"), '7'));
    mda::FolderIndex index(home.path, index_access(), Logger("test"));
    index.refresh();
    CHECK(index.rows().size() == (closed ? 10 : 0));
    REQUIRE(index.try_lock());
    index.unlock();
    CHECK(index.rows().size() == (closed ? 10 : 0));
    CHECK(home.read("dovetail.index").substr(17, 4) != "7777");
  }
}

TEST_CASE("an index that is folded or removed meanwhile is read anew") {
  mda::TestDirectory home;
  fill_index(home.path, false);
  mda::FolderIndex index(home.path, index_access(), Logger("test"));
  index.refresh();
  mda::Modseq before = index.highest_modseq();
  {
    mda::FolderIndex other(home.path, index_access(), Logger("test"));
    REQUIRE(other.try_lock());
    CHECK_FALSE(index.try_lock());
    other.put_expunges({{2, other.highest_modseq() + 1}});
    other.reset(78, "9");
    other.unlock();
  }
  REQUIRE(index.try_lock());
  CHECK(index.uid_validity() == 78);
  CHECK(index.rows().empty());
  CHECK(index.highest_modseq() > before);
  index.unlock();
  unlink((home.path + "/dovetail.index").c_str());
  before = index.highest_modseq();
  REQUIRE(index.try_lock());
  CHECK(index.highest_modseq() > before);
  index.unlock();
  CHECK(home.exists("dovetail.index"));
}

TEST_CASE("without room for it the index goes on in memory and leaves nothing that lies") {
  mda::TestDirectory home;
  fill_index(home.path, false);
  mda::FolderIndex index(home.path, index_access(), Logger("test"));
  REQUIRE(index.try_lock());
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small{100, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  index.put_rows({index_row(11, index.highest_modseq() + 1)});
  index.unlock();
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  CHECK(index.in_memory());
  CHECK(index.rows().size() == 11);
  CHECK_FALSE(home.exists("dovetail.index"));
  REQUIRE(index.try_lock());
  index.put_rows({index_row(12, index.highest_modseq() + 1)});
  index.unlock();
  CHECK(index.rows().size() == 12);
}

TEST_CASE("dead texts are dropped by a fold, living ones stay readable") {
  mda::TestDirectory home;
  mda::FolderIndex index(home.path, index_access(), Logger("test"));
  REQUIRE(index.try_lock());
  index.reset(1, "");
  std::string large(3000, 'x');
  for (mda::Uid uid = 1; uid <= 600; ++uid) {
    index.put_rows({index_row(uid, index.highest_modseq() + 1)});
    index.put_texts({{uid, {format("env {}", uid), "b", large, ""}}});
  }
  index.commit();
  std::vector<mda::Expunged> gone;
  for (mda::Uid uid = 1; uid <= 500; ++uid) gone.push_back({uid, index.highest_modseq() + 1});
  index.put_expunges(gone);
  for (int i = 0; i < 9000; ++i) {  // makes the log long
    index.put_rows({index_row(600, index.highest_modseq() + 1)});
    if (i % 100 == 0) index.commit();
  }
  index.unlock();
  CHECK(home.read("dovetail.index.cache").size() < size_t{600} * 3000 / 2);
  mda::FolderIndex again(home.path, index_access(), Logger("test"));
  again.refresh();
  REQUIRE(again.rows().size() == 100);
  for (const mda::IndexRow& row : again.rows()) {
    auto texts = again.texts(row);
    REQUIRE(texts);
    CHECK(texts->envelope == format("env {}", row.uid));
  }
}

TEST_CASE("files of the indexes used longest ago are closed, and opened again when needed") {
  size_t limit = mda::OpenIndexes::set_limit(2);
  mda::TestDirectory homes[4];
  std::vector<std::unique_ptr<mda::FolderIndex>> indexes;
  for (const auto& home : homes) {
    fill_index(home.path, false);
    indexes.push_back(
        std::make_unique<mda::FolderIndex>(home.path, index_access(), Logger("test")));
    indexes.back()->refresh();
  }
  CHECK(mda::OpenIndexes::count() == 2);
  for (auto& index : indexes) {
    REQUIRE(index->try_lock());
    index->put_rows({index_row(11, index->highest_modseq() + 1)});
    index->unlock();
    CHECK(index->rows().size() == 11);
  }
  CHECK(mda::OpenIndexes::count() == 2);
  REQUIRE(indexes[0]->try_lock());  // a lock keeps its file open
  for (auto& index : indexes) index->refresh();
  mda::FolderIndex other(homes[0].path, index_access(), Logger("test"));
  CHECK_FALSE(other.try_lock());
  indexes[0]->unlock();
  CHECK(other.try_lock());
  other.unlock();
  mda::OpenIndexes::set_limit(limit);
}

TEST_CASE("where nothing can be written the index is in memory, and leaves the file as it is") {
  mda::TestDirectory home;
  mda::FolderIndex index(home.path + "/missing", index_access(), Logger("test"));
  index.refresh();
  REQUIRE(index.try_lock());
  CHECK(index.in_memory());
  index.put_rows({index_row(1, index.highest_modseq() + 1)});
  index.put_texts({{1, {"env", "body", "structure", "keys"}}});
  index.unlock();
  CHECK(index.rows().size() == 1);
  CHECK_FALSE(index.texts(index.rows()[0]));
  CHECK_FALSE(home.exists("missing"));
}
