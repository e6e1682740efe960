// SPDX-License-Identifier: Apache-2.0
#include "lookup/bdb_reader.h"

#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>

namespace dovetail::lookup {
namespace {

constexpr size_t kHeader = 26;
constexpr uint32_t kPrefetched = 512;  // of each page: the smallest page there is
constexpr uint32_t kHashMagic = 0x061561, kBtreeMagic = 0x053162;
// clang-format off
enum PageType : uint8_t {
  page_never_written = 0,
  page_hash_unsorted = 2, page_btree_internal = 3, page_btree_leaf = 5, page_overflow = 7, page_hash_meta = 8,
  page_btree_meta = 9, page_hash = 13,
};
enum HashItem : uint8_t { hash_key_data = 1, hash_off_page = 3 };
enum BtreeItem : uint8_t { btree_key_data = 1, btree_overflow = 3, btree_deleted = 0x80 };
// clang-format on

template <class T>
T number_at(std::string_view bytes, size_t offset) {
  T value{};
  memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

// The order of the pairs on a hash page: of two keys that begin alike the longer one is first.
int hash_order(std::string_view stored, std::string_view key) {
  int order = memcmp(stored.data(), key.data(), std::min(stored.size(), key.size()));
  if (order != 0 || stored.size() == key.size()) return order;
  return stored.size() > key.size() ? -1 : 1;
}

Error damaged() {
  return temporary("Invalid argument");
}

}  // namespace

struct BdbReader::Page {
  std::string_view bytes;

  uint32_t next() const { return number_at<uint32_t>(bytes, 16); }
  unsigned entries() const { return number_at<uint16_t>(bytes, 20); }
  unsigned overflow_length() const { return number_at<uint16_t>(bytes, 22); }
  uint8_t type() const { return static_cast<uint8_t>(bytes[25]); }
  bool sane() const { return kHeader + size_t{2} * entries() <= bytes.size(); }
  unsigned offset(unsigned index) const {
    return number_at<uint16_t>(bytes, kHeader + size_t{2} * index);
  }
  // The usual key of a hash page; nullopt: look at it by item().
  std::optional<std::string_view> inline_hash_key(unsigned index) const {
    size_t at = offset(index), end = index == 0 ? bytes.size() : offset(index - 1);
    bool usual = at >= kHeader && at < end && end <= bytes.size() && bytes[at] == hash_key_data;
    if (!usual) return std::nullopt;
    return std::string_view(bytes.data() + at + 1, end - at - 1);
  }
};

// A key or value, on its page or in a chain of overflow pages.
struct BdbReader::Item {
  std::string_view inline_text;
  uint32_t chain_page = 0;
  uint32_t chain_length = 0;
  uint32_t child = 0;  // btree internal pages: the page below
  bool deleted = false;
  bool other = false;  // duplicates and the like, which mail tables never have
};

Result<BdbReader> BdbReader::open(Fd file, Kind kind, size_t cache_bytes) {
  BdbReader reader(std::move(file), kind, cache_bytes);
  auto read = reader.refresh();
  if (!read) return read.error();
  return reader;
}

Result<void> BdbReader::refresh() {
  struct stat now {};
  if (fstat(file_.get(), &now) != 0) return temporary(strerror(errno));
  if (cache_.still_valid(now, base::wall_now())) return {};
  auto read = read_meta();
  if (!read) {
    cache_.reset(512, 0);
    last_page_ = 0;  // and no page can be read
    return read.error();
  }
  cache_.reset(page_size_, last_page_);
  return {};
}

Result<void> BdbReader::read_meta() {
  char bytes[512];
  ssize_t count = pread(file_.get(), bytes, sizeof bytes, 0);
  if (count < 0) return temporary(strerror(errno));
  if (count < static_cast<ssize_t>(sizeof bytes)) return damaged();
  meta_.assign(bytes, sizeof bytes);
  auto magic = number_at<uint32_t>(meta_, 12);
  auto type = static_cast<uint8_t>(meta_[25]);
  auto version = number_at<uint32_t>(meta_, 16);
  bool right =
      kind_ == Kind::hash
          ? magic == kHashMagic && type == page_hash_meta && version >= 8 && version <= 10
          : magic == kBtreeMagic && type == page_btree_meta && version >= 8 && version <= 10;
  page_size_ = number_at<uint32_t>(meta_, 20);
  last_page_ = number_at<uint32_t>(meta_, 32);
  bool encrypted = meta_[24] != 0;
  if (!right || encrypted || page_size_ < 512 || page_size_ > 65536 ||
      !std::has_single_bit(page_size_))
    return damaged();
  return {};
}

Result<void> BdbReader::read_page(uint32_t number, char* bytes) const {
  if (number == 0 || number > last_page_) return damaged();
  ssize_t count = pread(file_.get(), bytes, page_size_, static_cast<off_t>(number) * page_size_);
  if (count < 0) return temporary(strerror(errno));
  if (static_cast<size_t>(count) != page_size_) return damaged();
  Page read{std::string_view(bytes, page_size_)};
  if (!read.sane() && read.type() != page_overflow) return damaged();
  return {};
}

Result<void> BdbReader::read_page(uint32_t number, std::string& bytes) const {
  bytes.resize(page_size_);
  return read_page(number, bytes.data());
}

// A page of the lookup; the one before is gone.
Result<BdbReader::Page> BdbReader::page(uint32_t number) {
  if (const char* kept = cache_.find(number)) {
    // In a table larger than the processor's caches the wait for memory is most of a lookup: let the header and the
    // offsets, which the search needs first, come side by side.
    for (uint32_t at = 0; at < kPrefetched; at += 64) __builtin_prefetch(kept + at);
    return Page{std::string_view(kept, page_size_)};
  }
  char* room = cache_.room(number);
  bool keep = room != nullptr;
  if (!keep) {
    page_.resize(page_size_);
    room = page_.data();
  }
  auto read = read_page(number, room);
  if (!read) return read.error();
  if (keep) cache_.keep(number);
  return Page{std::string_view(room, page_size_)};
}

// FNV-1, the library's hash since its version 3; the meta page holds the hash of a known text to prove it.
uint32_t BdbReader::hash(std::string_view key) const {
  uint32_t value = 0;
  for (char c : key) {
    value *= 16777619;
    value ^= static_cast<unsigned char>(c);
  }
  return value;
}

Result<BdbReader::Item> BdbReader::item(const Page& page, unsigned index) const {
  size_t at = page.offset(index);
  Item found;
  auto rest = page.bytes.size() - std::min(at, page.bytes.size());
  if (at < kHeader || rest < 1) return damaged();
  if (page.type() == page_hash || page.type() == page_hash_unsorted) {
    // Items lie one behind the other from the end of the page: one ends where its predecessor begins.
    size_t end = index == 0 ? page.bytes.size() : page.offset(index - 1);
    if (end <= at || end > page.bytes.size()) return damaged();
    auto kind = static_cast<uint8_t>(page.bytes[at]);
    if (kind == hash_key_data) {
      found.inline_text = page.bytes.substr(at + 1, end - at - 1);
    } else if (kind == hash_off_page && end - at >= 12) {
      found.chain_page = number_at<uint32_t>(page.bytes, at + 4);
      found.chain_length = number_at<uint32_t>(page.bytes, at + 8);
    } else {
      found.other = true;
    }
    return found;
  }
  if (rest < 3) return damaged();
  auto length = number_at<uint16_t>(page.bytes, at);
  auto kind = static_cast<uint8_t>(page.bytes[at + 2]);
  bool internal = page.type() == page_btree_internal;
  size_t head = internal ? 12 : 3;
  found.deleted = kind & btree_deleted;
  kind = static_cast<uint8_t>(kind & ~btree_deleted);
  if (rest < head) return damaged();
  if (internal) found.child = number_at<uint32_t>(page.bytes, at + 4);
  if (kind == btree_key_data) {
    if (rest < head + length) return damaged();
    found.inline_text = page.bytes.substr(at + head, length);
  } else if (kind == btree_overflow) {
    size_t reference = internal ? at + 12 : at;
    if (page.bytes.size() - reference < 12) return damaged();
    found.chain_page = number_at<uint32_t>(page.bytes, reference + 4);
    found.chain_length = number_at<uint32_t>(page.bytes, reference + 8);
  } else {
    found.other = true;
  }
  return found;
}

Result<std::string> BdbReader::chain(uint32_t page, uint32_t length) const {
  std::string all, bytes;
  while (all.size() < length) {
    auto read = read_page(page, bytes);
    if (!read) return read.error();
    Page view{bytes};
    auto part = view.overflow_length();
    if (view.type() != page_overflow || part == 0 || kHeader + part > bytes.size())
      return damaged();
    all.append(bytes, kHeader, part);
    page = view.next();
  }
  if (all.size() != length) return damaged();
  return all;
}

Result<std::string> BdbReader::text(const Item& item) const {
  if (item.other) return damaged();
  if (item.chain_page) return chain(item.chain_page, item.chain_length);
  return std::string(item.inline_text);
}

Result<Found> BdbReader::find(std::string_view key) {
  return kind_ == Kind::hash ? find_hash(key) : find_btree(key);
}

Result<Found> BdbReader::find_hash(std::string_view key) {
  auto max_bucket = number_at<uint32_t>(meta_, 72);
  auto high_mask = number_at<uint32_t>(meta_, 76);
  auto low_mask = number_at<uint32_t>(meta_, 80);
  auto bucket = hash(key) & high_mask;
  if (bucket > max_bucket) bucket &= low_mask;
  auto spare =
      static_cast<unsigned>(std::bit_width(bucket));  // the smallest i with 2^i >= bucket + 1
  if (spare >= 32) return damaged();
  auto number = bucket + number_at<uint32_t>(meta_, 96 + size_t{4} * spare);
  for (uint32_t pages = 0; number != 0 && pages <= last_page_; ++pages) {
    auto read = page(number);
    if (!read) return read.error();
    if (read->type() == page_never_written) return Found();  // a bucket nothing was put into
    if (read->type() != page_hash && read->type() != page_hash_unsorted) return damaged();
    auto index = search_hash(*read, key);
    if (!index) return index.error();
    if (*index) return value(*read, **index);
    number = read->next();
  }
  return Found();
}

// The index of a key's value on a hash page. The pairs of a newer page are sorted; how its rare keys in overflow pages
// are sorted among the others is the library's secret, so a page that shows one is searched from its start.
Result<std::optional<unsigned>> BdbReader::search_hash(const Page& page,
                                                       std::string_view key) const {
  unsigned low = 0, high = page.type() == page_hash ? page.entries() / 2 : 0;
  bool sorted = high > 0;
  while (sorted && low < high) {
    unsigned middle = (low + high) / 2;
    auto stored = page.inline_hash_key(2 * middle);
    if (!stored) {
      sorted = false;
      break;
    }
    int order = hash_order(*stored, key);
    if (order == 0) return std::optional<unsigned>(2 * middle + 1);
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  for (unsigned index = 0; !sorted && index + 1 < page.entries(); index += 2) {
    auto stored = item(page, index);
    if (!stored) return stored.error();
    auto same = is_key(*stored, key);
    if (!same) return same.error();
    if (*same) return std::optional<unsigned>(index + 1);
  }
  return std::optional<unsigned>();
}

Result<bool> BdbReader::is_key(const Item& item, std::string_view key) const {
  if (!item.chain_page) return !item.other && item.inline_text == key;
  if (item.chain_length != key.size()) return false;
  auto stored = text(item);
  if (!stored) return stored.error();
  return *stored == key;
}

Result<Found> BdbReader::value(const Page& page, unsigned index) const {
  auto stored = item(page, index);
  if (!stored) return stored.error();
  if (stored->deleted) return Found();
  if (!stored->chain_page && !stored->other) return Found(std::in_place, stored->inline_text);
  auto found = text(*stored);
  if (!found) return found.error();
  return Found(std::move(*found));
}

// The index of a key's value on a leaf of a btree.
Result<std::optional<unsigned>> BdbReader::search_leaf(const Page& page,
                                                       std::string_view key) const {
  unsigned low = 0, high = page.entries() / 2;
  while (low < high) {
    unsigned middle = (low + high) / 2;
    auto stored = item(page, 2 * middle);
    if (!stored) return stored.error();
    auto stored_key = text(*stored);
    if (!stored_key) return stored_key.error();
    int order = std::string_view(*stored_key).compare(key);
    if (order == 0 && stored->deleted) break;
    if (order == 0) return std::optional<unsigned>(2 * middle + 1);
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return std::optional<unsigned>();
}

// The child of an internal page whose keys may be equal to key: the last one not greater.
Result<uint32_t> BdbReader::descend(const Page& page, std::string_view key) const {
  if (page.entries() == 0) return damaged();
  unsigned low = 0, high = page.entries();  // entry 0 is less than every key, whatever it says
  while (high - low > 1) {
    unsigned middle = (low + high) / 2;
    auto separator = item(page, middle);
    if (!separator) return separator.error();
    auto stored = text(*separator);
    if (!stored) return stored.error();
    if (std::string_view(*stored) <= key)
      low = middle;
    else
      high = middle;
  }
  auto chosen = item(page, low);
  if (!chosen) return chosen.error();
  return chosen->child;
}

Result<Found> BdbReader::find_btree(std::string_view key) {
  auto number = number_at<uint32_t>(meta_, 88);
  for (int level = 0; level < 64; ++level) {
    auto read = page(number);
    if (!read) return read.error();
    if (read->type() == page_btree_internal) {
      auto child = descend(*read, key);
      if (!child) return child.error();
      number = *child;
      continue;
    }
    if (read->type() != page_btree_leaf) return damaged();
    auto index = search_leaf(*read, key);
    if (!index) return index.error();
    if (!*index) return Found();
    return value(*read, **index);
  }
  return damaged();
}

Result<std::optional<Entry>> BdbReader::next(bool first) {
  if (first) {
    walk_page_ = 0;
    walk_item_ = 0;
    walk_.clear();
  }
  while (true) {
    Page page{walk_};
    bool data = !walk_.empty() && (kind_ == Kind::btree ? page.type() == page_btree_leaf
                                                        : page.type() == page_hash ||
                                                              page.type() == page_hash_unsorted);
    if (data && walk_item_ + 1 < page.entries()) {
      auto key = item(page, walk_item_);
      auto value = item(page, walk_item_ + 1);
      walk_item_ += 2;
      if (!key) return key.error();
      if (!value) return value.error();
      if (key->deleted || value->deleted) continue;
      auto key_text = text(*key);
      auto value_text = text(*value);
      if (!key_text) return key_text.error();
      if (!value_text) return value_text.error();
      return std::optional<Entry>(std::in_place, std::move(*key_text), std::move(*value_text));
    }
    if (walk_page_ >= last_page_) return std::optional<Entry>();
    auto read = read_page(++walk_page_, walk_);
    if (!read) return read.error();
    walk_item_ = 0;
  }
}

}  // namespace dovetail::lookup
