// When pages kept in memory may be used again, and where they lie.
// SPDX-License-Identifier: Apache-2.0
#include "lookup/page_cache.h"

#include <cstring>

#include "tests/catch.h"

using namespace dovetail;
using namespace dovetail::lookup;

namespace {

struct stat stamp(int64_t modified, int64_t changed, off_t size, long nanoseconds = 0) {
  struct stat file {};
  file.st_mtim = {modified, nanoseconds};
  file.st_ctim = {changed, 0};
  file.st_size = size;
  return file;
}

void store(PageCache& cache, uint32_t page, char content) {
  char* room = cache.room(page);
  REQUIRE(room);
  memset(room, content, 512);
  cache.keep(page);
}

}  // namespace

TEST_CASE("pages are valid while the file's old stamp stays the same") {
  PageCache cache(1 << 20);
  base::Wall later{1000, 0};
  CHECK(!cache.still_valid(stamp(100, 100, 4096), later));
  CHECK(cache.still_valid(stamp(100, 100, 4096), later));
  CHECK(!cache.still_valid(stamp(100, 100, 8192), later));
  CHECK(!cache.still_valid(stamp(101, 101, 8192), later));
  CHECK(!cache.still_valid(stamp(101, 101, 8192, 1), later));
  CHECK(!cache.still_valid(stamp(101, 102, 8192, 1),
                           later));  // somebody set the modification time back
  CHECK(cache.still_valid(stamp(101, 102, 8192, 1), later));
}

TEST_CASE("a stamp of this moment proves nothing: another write may get the same one") {
  PageCache cache(1 << 20);
  auto file = stamp(1000, 1000, 4096);
  CHECK(!cache.still_valid(file, {1000, 0}));
  CHECK(!cache.still_valid(file, {1001, 0}));
  CHECK(!cache.still_valid(file, {1002, 0}));
  CHECK(!cache.still_valid(file, {1003, 0}));  // read under a young stamp, but now it has settled
  CHECK(cache.still_valid(file, {1004, 0}));
  auto future = stamp(5000, 1000, 4096);
  CHECK(!cache.still_valid(future, {1005, 0}));
  CHECK(!cache.still_valid(future, {1006, 0}));
}

TEST_CASE("a page lies in the slot of its number until another takes it") {
  PageCache cache(4 * 512);
  cache.reset(512, 100);
  CHECK(!cache.find(1));
  store(cache, 1, 'a');
  store(cache, 2, 'b');
  REQUIRE(cache.find(1));
  CHECK(*cache.find(1) == 'a');
  store(cache, 5, 'c');
  CHECK(!cache.find(1));
  CHECK(*cache.find(5) == 'c');
  CHECK(*cache.find(2) == 'b');
  REQUIRE(cache.room(5));  // read failed: not kept
  CHECK(!cache.find(5));
  cache.reset(512, 100);
  CHECK(!cache.find(2));
}

TEST_CASE("a cache smaller than a page keeps none") {
  PageCache cache(1000);
  cache.reset(4096, 10);
  CHECK(!cache.room(1));
  CHECK(!cache.find(1));
}
