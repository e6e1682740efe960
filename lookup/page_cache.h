// Pages of a table file as they were read, kept for as long as the file is known not to have been written since.
//
// The file belongs to others, who may rewrite it in place at any moment they hold its lock. So a page is only used while
// a shared lock is held, and only if the file's stamp (times and size) is the one the page was read under. A time stamp
// is coarse: two writes within one tick of the kernel's clock look the same. A stamp younger than kSettled proves nothing,
// and pages read under it live no longer than the lock they were read under. A mapping instead would be killed by SIGBUS if somebody
// truncates the file without the lock.
// One page per slot, chosen by its number; memory is used as pages come.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "common/base/clock.h"

namespace dovetail::lookup {

class PageCache {
 public:
  static constexpr int64_t kSettled = 2;  // seconds

  explicit PageCache(size_t bytes) : bytes_(bytes) {}

  // To be called when the lock has been taken. False: the file is not proven to be the same as at the last call, whatever
  // was read of it must be read again.
  bool still_valid(const struct stat& file, base::Wall now);
  // Prepares slots for a file of so many pages of this size; forgets everything.
  void reset(uint32_t page_size, uint32_t pages);

  // The page, or nullptr; valid until the next room() or reset().
  const char* find(uint32_t page) const {
    if (tags_.empty() || tags_[slot(page)] != page) return nullptr;
    return buffer_.get() + size_t{slot(page)} * page_size_;
  }
  // Where to read the page to, then keep() it; another page may have been there. nullptr: no slots.
  char* room(uint32_t page);
  void keep(uint32_t page) { tags_[slot(page)] = page; }

 private:
  void allocate(size_t bytes);
  uint32_t slot(uint32_t page) const { return page & (static_cast<uint32_t>(tags_.size()) - 1); }

  size_t bytes_;
  uint32_t page_size_ = 0;
  std::vector<uint32_t> tags_;  // page 0, the meta page, is never here: 0 is an empty slot
  struct Free {
    void operator()(char* bytes) const { std::free(bytes); }
  };
  std::unique_ptr<char, Free> buffer_;
  struct stat stamp_ {};
  bool settled_ = false;
};

}  // namespace dovetail::lookup
