// Reads Berkeley DB 5.3 hash and btree files (hash:, btree:) without the library.
//
// The library keeps pages in a cache of its own and cannot notice that another process wrote the file; reopening needs
// the path, which a confined daemon no longer has. This reader keeps the descriptor, and pages only for as long as nobody
// has written the file (page_cache.h), so a table rebuilt in place is seen at once. Writing is the library's.
//
// Layout (host byte order of the machine that wrote it; a file of the other order is refused): pages of one size, page 0
// is the meta page. A page has a 26 byte header (previous and next page, number of entries, type), then an index of 16
// bit offsets; items grow from the end. Hash: bucket = hash of the key masked by the table size, its page by the
// "spares" of the meta page, items in pairs. Btree: descend from the root, pairs in the leaves. An item too large for a
// page is a chain of overflow pages. All numbers read are checked: a damaged file is an Error, never a crash.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/file.h"
#include "common/base/result.h"
#include "lookup/page_cache.h"
#include "lookup/table.h"

namespace dovetail::lookup {

class BdbReader {
 public:
  enum class Kind { hash, btree };

  // An Error's text is the system's ("Invalid argument" for something else than such a file).
  // cache_bytes: for pages of lookups.
  static Result<BdbReader> open(Fd file, Kind kind, size_t cache_bytes = 0);

  // With the file's lock held since the last refresh().
  Result<Found> find(std::string_view key);
  // The next pair of a walk through all pages; the order is the file's.
  Result<std::optional<Entry>> next(bool first);
  // The lock has just been taken: forgets what was read of the file if it may have been rewritten since.
  Result<void> refresh();
  int fd() const { return file_.get(); }

 private:
  struct Page;
  struct Item;
  BdbReader(Fd file, Kind kind, size_t cache_bytes)
      : file_(std::move(file)), kind_(kind), cache_(cache_bytes) {}

  Result<void> read_meta();
  Result<void> read_page(uint32_t number, char* bytes) const;
  Result<void> read_page(uint32_t number, std::string& bytes) const;
  Result<Page> page(uint32_t number);
  uint32_t hash(std::string_view key) const;
  Result<Found> find_hash(std::string_view key);
  Result<Found> find_btree(std::string_view key);
  Result<bool> is_key(const Item& item, std::string_view key) const;
  Result<Found> value(const Page& page, unsigned index) const;
  Result<std::optional<unsigned>> search_hash(const Page& page, std::string_view key) const;
  Result<std::optional<unsigned>> search_leaf(const Page& page, std::string_view key) const;
  Result<uint32_t> descend(const Page& page, std::string_view key) const;
  Result<Item> item(const Page& page, unsigned index) const;
  Result<std::string> chain(uint32_t page, uint32_t length) const;
  Result<std::string> text(const Item& item) const;

  Fd file_;
  Kind kind_;
  std::string meta_;
  uint32_t page_size_ = 0;
  uint32_t last_page_ = 0;
  PageCache cache_;
  std::string page_;  // buffer of the current lookup where there is no cache
  std::string walk_;  // page of the walk
  uint32_t walk_page_ = 0;
  unsigned walk_item_ = 0;
};

}  // namespace dovetail::lookup
