// SPDX-License-Identifier: Apache-2.0
#include "lookup/page_cache.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <new>

namespace dovetail::lookup {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;

bool same_time(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

}  // namespace

bool PageCache::still_valid(const struct stat& file, base::Wall now) {
  // The change time as well: who sets the modification time back (touch -r, rsync -t) cannot set that one.
  bool same = settled_ && same_time(file.st_mtim, stamp_.st_mtim) &&
              same_time(file.st_ctim, stamp_.st_ctim) && file.st_size == stamp_.st_size;
  stamp_ = file;
  settled_ = now.seconds - std::max(file.st_mtim.tv_sec, file.st_ctim.tv_sec) > kSettled;
  return same;
}

void PageCache::reset(uint32_t page_size, uint32_t pages) {
  auto wanted = std::min<size_t>(bytes_ / page_size, std::bit_ceil(size_t{pages} + 1));
  auto slots = std::bit_floor(wanted);
  if (slots != tags_.size() || page_size != page_size_) allocate(slots * page_size);
  page_size_ = page_size;
  tags_.assign(slots, 0);
}

void PageCache::allocate(size_t bytes) {
  buffer_.reset();
  if (bytes == 0) return;
  bool large = bytes >= kHugePage;
  buffer_.reset(static_cast<char*>(large ? std::aligned_alloc(kHugePage, bytes) : malloc(bytes)));
  if (!buffer_) throw std::bad_alloc();
  // Lookups hit pages in no order: with small pages of memory each would also miss the processor's table of them.
  if (large) madvise(buffer_.get(), bytes, MADV_HUGEPAGE);
}

char* PageCache::room(uint32_t page) {
  if (tags_.empty()) return nullptr;
  tags_[slot(page)] = 0;
  return buffer_.get() + size_t{slot(page)} * page_size_;
}

}  // namespace dovetail::lookup
