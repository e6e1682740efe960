// The main file and the log; see foreign_index.h. The cache stands in foreign_cache.cc.
// SPDX-License-Identifier: Apache-2.0
#include "mda/storage/index/foreign_index.h"

#include <algorithm>

#include "mda/storage/index/blocks.h"

namespace dovetail::mda {

namespace {

constexpr size_t kMainHead = 120;
constexpr size_t kLogHead = 40;
constexpr size_t kMostForeignKeywords = 4096;
constexpr size_t kMostForeignExtensions = 256;
constexpr size_t kRecordHead = 8;  // of a transaction: size, type

// Types of transactions, the low bits; several may not come together.
enum ForeignChange : uint32_t {
  kForeignExpunge = 0x1,
  kForeignAppend = 0x2,
  kForeignFlags = 0x4,
  kForeignHeader = 0x20,
  kForeignExtensionIntro = 0x40,
  kForeignExtensionReset = 0x80,
  kForeignExtensionRecord = 0x200,
  kForeignKeyword = 0x400,
  kForeignKeywordReset = 0x800,
  kForeignExpungeGuid = 0x2000,
  kForeignModseq = 0x8000,
  kForeignAttribute = 0x100000,
  kForeignTypes = 0x0fffffff,
  kForeignExternal = 0x10000000,
  kForeignExpungeGuard = 0xCD90,  // these bits protect expunges from damage
};

uint16_t foreign_u16(std::string_view bytes, size_t at) {
  if (at > bytes.size()) return 0;
  return NumberReader(bytes.substr(at)).get<uint16_t>();
}

uint32_t foreign_u32(std::string_view bytes, size_t at) {
  if (at > bytes.size()) return 0;
  return NumberReader(bytes.substr(at)).get<uint32_t>();
}

uint64_t foreign_u64(std::string_view bytes, size_t at) {
  if (at > bytes.size()) return 0;
  return NumberReader(bytes.substr(at)).get<uint64_t>();
}

// Sizes are written with seven bits in each octet, high bits set, so that a half-written one cannot be read.
std::optional<size_t> transaction_size(std::string_view bytes) {
  size_t size = 0;
  for (size_t i = 0; i < 4; ++i) {
    auto octet = static_cast<unsigned char>(bytes[i]);
    if (!(octet & 0x80)) return std::nullopt;
    size = size << 7 | (octet & 0x7f);
  }
  return size << 2;
}

size_t padded_to_four(size_t size) {
  return (size + 3) & ~size_t{3};
}

bool message_before(const ForeignMessage& message, Uid uid) {
  return message.uid < uid;
}

}  // namespace

ForeignMessage* ForeignIndex::find(Uid uid) {
  auto it = std::lower_bound(messages_.begin(), messages_.end(), uid, message_before);
  return it != messages_.end() && it->uid == uid ? &*it : nullptr;
}

template <class Change>
void ForeignIndex::for_range(Uid first, Uid last, Change change) {
  auto it = std::lower_bound(messages_.begin(), messages_.end(), first, message_before);
  for (; it != messages_.end() && it->uid <= last; ++it) {
    change(*it);
    it->modseq = highest_modseq_;
  }
}

uint16_t ForeignIndex::keyword_number(std::string_view name) {
  auto known = std::find(keywords_.begin(), keywords_.end(), name);
  if (known == keywords_.end() && keywords_.size() < kMostForeignKeywords)
    known = keywords_.insert(keywords_.end(), std::string(name));
  return static_cast<uint16_t>(known - keywords_.begin());
}

// --- dovecot.index

bool ForeignIndex::read_main(std::string_view bytes) {
  if (bytes.size() < kMainHead || bytes[0] != 7 || bytes[12] != 1) return false;
  size_t base = foreign_u16(bytes, 2), header = foreign_u32(bytes, 4);
  uint32_t record_size = foreign_u32(bytes, 8), count = foreign_u32(bytes, 32);
  if (base < kMainHead || header < base || header > bytes.size() || record_size < 8) return false;
  uid_validity_ = foreign_u32(bytes, 24);
  uid_next_ = std::max<Uid>(1, foreign_u32(bytes, 28));
  log_seq_ = foreign_u32(bytes, 60);
  log_offset_ = foreign_u32(bytes, 68);
  if (!read_extensions(bytes.substr(0, header), base)) return true;  // the numbers above are good
  read_records(bytes.substr(header), record_size, count);
  return true;
}

// {header size, reset id, record offset, record size, record align, name size, name}, each on a multiple of eight.
bool ForeignIndex::read_extensions(std::string_view header, size_t at) {
  while (at + 16 < header.size()) {
    size_t data_size = foreign_u32(header, at);
    size_t name_size = foreign_u16(header, at + 14);
    size_t name_end = at + 16 + name_size;
    size_t data_at = (name_end + 7) & ~size_t{7};
    if (name_end > header.size() || data_at > header.size() ||
        data_size > header.size() - data_at || extensions_.size() >= kMostForeignExtensions)
      return false;
    Extension extension;
    extension.name = std::string(header.substr(at + 16, name_size));
    extension.reset_id = foreign_u32(header, at + 4);
    extension.record_offset = foreign_u16(header, at + 8);
    extension.record_size = foreign_u16(header, at + 10);
    std::string_view data = header.substr(data_at, data_size);
    if (extension.name == "modseq")
      highest_modseq_ = std::max(highest_modseq_, foreign_u64(data, 0));
    if (extension.name == "keywords") read_keyword_names(data);
    extensions_.push_back(std::move(extension));
    at = (data_at + data_size + 7) & ~size_t{7};
  }
  return true;
}

// A count, then for each {unused, offset of its name}, then the names with a NUL each.
void ForeignIndex::read_keyword_names(std::string_view header) {
  size_t count = foreign_u32(header, 0);
  if (count > kMostForeignKeywords || 4 + count * 8 > header.size()) return;
  std::string_view names = header.substr(4 + count * 8);
  for (size_t i = 0; i < count; ++i) {
    size_t at = foreign_u32(header, 4 + i * 8 + 4);
    if (at >= names.size()) return;
    std::string_view name = names.substr(at);
    keywords_.emplace_back(name.substr(0, name.find('\0')));
  }
}

void ForeignIndex::read_records(std::string_view records, uint32_t record_size, uint32_t count) {
  const Extension *keywords = nullptr, *modseq = nullptr, *cache = nullptr;
  for (const Extension& extension : extensions_) {
    if (size_t{extension.record_offset} + extension.record_size > record_size) continue;
    if (extension.name == "keywords") keywords = &extension;
    if (extension.name == "modseq" && extension.record_size == 8) modseq = &extension;
    if (extension.name == "cache" && extension.record_size == 4) cache = &extension;
  }
  for (uint32_t i = 0; i < count && records.size() >= record_size; ++i) {
    std::string_view record = records.substr(0, record_size);
    records.remove_prefix(record_size);
    ForeignMessage message;
    message.uid = foreign_u32(record, 0);
    if (message.uid == 0 || (!messages_.empty() && message.uid <= messages_.back().uid)) return;
    message.flags = static_cast<uint8_t>(record[4]) & kAllFlags;
    for (size_t bit = 0; keywords != nullptr && bit < size_t{keywords->record_size} * 8; ++bit) {
      auto octet = static_cast<unsigned char>(record[keywords->record_offset + bit / 8]);
      if ((octet >> (bit % 8) & 1) && bit < keywords_.size())
        message.keywords.push_back(static_cast<uint16_t>(bit));
    }
    if (modseq != nullptr) message.modseq = foreign_u64(record, modseq->record_offset);
    if (cache != nullptr) message.cache_offset = foreign_u32(record, cache->record_offset);
    messages_.push_back(std::move(message));
  }
}

// --- dovecot.index.log

bool ForeignIndex::read_log(std::string_view bytes) {
  if (bytes.size() < kLogHead || bytes[0] != 1) return false;
  size_t header = foreign_u16(bytes, 2);
  if (header < kLogHead || header > bytes.size() || bytes[32] != 1) return false;
  uint32_t sequence = foreign_u32(bytes, 8);
  if (sequence < log_seq_) return true;  // all of it is in the main file
  size_t known = sequence == log_seq_ ? log_offset_ : 0;
  Modseq before = highest_modseq_, modseq = foreign_u64(bytes, 24);
  current_extension_ = SIZE_MAX;
  for (size_t at = header; at + kRecordHead <= bytes.size();) {
    auto size = transaction_size(bytes.substr(at));
    if (!size || *size < kRecordHead || *size > bytes.size() - at)
      break;  // the last one was not finished
    uint32_t type = foreign_u32(bytes, at + 4);
    std::string_view body = bytes.substr(at + kRecordHead, *size - kRecordHead);
    uint32_t kind = type & kForeignTypes;
    if ((kind & kForeignExpungeGuard) == kForeignExpungeGuard)
      kind &= ~uint32_t{kForeignExpungeGuard};
    bool raises = kind & (kForeignAppend | kForeignFlags | kForeignKeyword | kForeignKeywordReset |
                          kForeignAttribute);
    // An expunge is asked for first, and counts when it was done.
    if (kind & (kForeignExpunge | kForeignExpungeGuid)) raises = type & kForeignExternal;
    // Counting one too many is harmless: clients look at that message once more.
    modseq += raises ? 1 : 0;
    highest_modseq_ = modseq;
    if (at >= known)
      apply(kind, body);
    else if (kind == kForeignExtensionIntro)
      apply_extension_intro(body);
    modseq = std::max(modseq, highest_modseq_);
    at += *size;
  }
  highest_modseq_ = std::max(before, modseq);
  return true;
}

void ForeignIndex::apply(uint32_t type, std::string_view body) {
  switch (type) {
    case kForeignAppend:
      return apply_append(body);
    case kForeignExpunge:
      return apply_expunge(body, 8, true);
    case kForeignExpungeGuid:
    case kForeignExpungeGuid | kForeignExpunge:
      return apply_expunge(body, 20, false);
    case kForeignFlags:
      return apply_flags(body);
    case kForeignKeyword:
      return apply_keyword(body, false);
    case kForeignKeywordReset:
      return apply_keyword(body, true);
    case kForeignModseq:
      return apply_modseqs(body);
    case kForeignHeader:
      return apply_header(body);
    case kForeignExtensionIntro:
      return apply_extension_intro(body);
    case kForeignExtensionReset:
      return apply_extension_reset(body);
    case kForeignExtensionRecord:
      return apply_extension_records(body);
    default:
      return;  // nothing we look for
  }
}

void ForeignIndex::apply_append(std::string_view body) {
  for (; body.size() >= 8; body.remove_prefix(8)) {
    ForeignMessage message;
    message.uid = foreign_u32(body, 0);
    if (message.uid == 0 || (!messages_.empty() && message.uid <= messages_.back().uid)) continue;
    message.flags = static_cast<uint8_t>(body[4]) & kAllFlags;
    message.modseq = highest_modseq_;
    if (message.uid < UINT32_MAX) uid_next_ = std::max(uid_next_, message.uid + 1);
    messages_.push_back(std::move(message));
  }
}

void ForeignIndex::apply_expunge(std::string_view body, size_t step, bool range) {
  for (; body.size() >= step; body.remove_prefix(step)) {
    Uid first = foreign_u32(body, 0), last = range ? foreign_u32(body, 4) : first;
    auto begin = std::lower_bound(messages_.begin(), messages_.end(), first, message_before);
    auto end = begin;
    while (end != messages_.end() && end->uid <= last) ++end;
    messages_.erase(begin, end);
  }
}

void ForeignIndex::apply_flags(std::string_view body) {
  for (; body.size() >= 12; body.remove_prefix(12)) {
    auto add = static_cast<uint8_t>(body[8]), remove = static_cast<uint8_t>(body[9]);
    for_range(foreign_u32(body, 0), foreign_u32(body, 4), [&](ForeignMessage& message) {
      message.flags = static_cast<uint8_t>(((message.flags & ~remove) | add) & kAllFlags);
    });
  }
}

// {what, pad, name size, name, pad} and ranges; a reset has only ranges.
void ForeignIndex::apply_keyword(std::string_view body, bool reset) {
  uint16_t number = 0;
  uint8_t what = 0;
  if (!reset) {
    size_t name_size = foreign_u16(body, 2), ranges = padded_to_four(4 + name_size);
    if (body.size() < 4 || ranges > body.size()) return;
    what = static_cast<uint8_t>(body[0]);
    number = keyword_number(body.substr(4, name_size));
    body.remove_prefix(ranges);
    if (number >= kMostForeignKeywords) return;
  }
  for (; body.size() >= 8; body.remove_prefix(8)) {
    for_range(foreign_u32(body, 0), foreign_u32(body, 4), [&](ForeignMessage& message) {
      auto& set = message.keywords;
      if (reset || what == 2) set.clear();
      auto it = std::lower_bound(set.begin(), set.end(), number);
      bool there = it != set.end() && *it == number;
      if (!reset && what != 1 && !there) set.insert(it, number);
      if (!reset && what == 1 && there) set.erase(it);
    });
  }
}

void ForeignIndex::apply_modseqs(std::string_view body) {
  for (; body.size() >= 12; body.remove_prefix(12)) {
    Modseq modseq = foreign_u32(body, 4) | static_cast<Modseq>(foreign_u32(body, 8)) << 32;
    highest_modseq_ = std::max(highest_modseq_, modseq);
    if (ForeignMessage* message = find(foreign_u32(body, 0))) message->modseq = modseq;
  }
}

// {offset, size, bytes} of the main file's header.
void ForeignIndex::apply_header(std::string_view body) {
  while (body.size() >= 4) {
    size_t offset = foreign_u16(body, 0), size = foreign_u16(body, 2);
    if (4 + size > body.size()) return;
    std::string_view data = body.substr(4, size);
    if (offset <= 24 && offset + size >= 28) uid_validity_ = foreign_u32(data, 24 - offset);
    if (offset <= 28 && offset + size >= 32)
      uid_next_ = std::max(uid_next_, foreign_u32(data, 28 - offset));
    body.remove_prefix(std::min(body.size(), padded_to_four(4 + size)));
  }
}

// {number, reset id, header size, record size, align, flags, name size, name}: by number if it was named before.
void ForeignIndex::apply_extension_intro(std::string_view body) {
  current_extension_ = SIZE_MAX;
  if (body.size() < 20) return;
  uint32_t number = foreign_u32(body, 0);
  size_t name_size = foreign_u16(body, 18);
  if (20 + name_size > body.size()) return;
  std::string_view name = body.substr(20, name_size);
  if (number == UINT32_MAX) {
    auto known = std::find_if(extensions_.begin(), extensions_.end(),
                              [&](const Extension& one) { return one.name == name; });
    if (known == extensions_.end() && extensions_.size() >= kMostForeignExtensions) return;
    if (known == extensions_.end()) {
      Extension extension;
      extension.name = std::string(name);
      known = extensions_.insert(extensions_.end(), std::move(extension));
    }
    number = static_cast<uint32_t>(known - extensions_.begin());
  }
  if (number >= extensions_.size()) return;
  extensions_[number].record_size = foreign_u16(body, 12);
  if (uint32_t reset_id = foreign_u32(body, 4); reset_id != 0)
    extensions_[number].reset_id = reset_id;
  current_extension_ = number;
}

// A new reset id: what was said for the old one is void.
void ForeignIndex::apply_extension_reset(std::string_view body) {
  if (current_extension_ >= extensions_.size() || body.size() < 4) return;
  extensions_[current_extension_].reset_id = foreign_u32(body, 0);
  if (extensions_[current_extension_].name != "cache") return;
  for (ForeignMessage& message : messages_) message.cache_offset = 0;
}

// {uid, data} for the extension named last.
void ForeignIndex::apply_extension_records(std::string_view body) {
  if (current_extension_ >= extensions_.size()) return;
  const Extension& extension = extensions_[current_extension_];
  size_t step = padded_to_four(4 + size_t{extension.record_size});
  for (; body.size() >= step; body.remove_prefix(step)) {
    ForeignMessage* message = find(foreign_u32(body, 0));
    if (message == nullptr) continue;
    if (extension.name == "cache" && extension.record_size == 4)
      message->cache_offset = foreign_u32(body, 4);
    if (extension.name == "modseq" && extension.record_size == 8)
      message->modseq = foreign_u64(body, 4);
  }
}

}  // namespace dovetail::mda
