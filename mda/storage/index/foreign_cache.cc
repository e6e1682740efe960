// The incumbent's cache file, read for one field: date.save; see foreign_index.h.
//
//   head      major, size of offsets, minor, -, index id, file sequence, ..., at 28: offset of the field table
//   table     offset of the next table, size, count; then columns: last use (4), size (4), type (1), decision (1), and
//             the names with a NUL each
//   record    offset of this message's older record, size; then fields: number, length where it varies, data
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "mda/storage/index/blocks.h"
#include "mda/storage/index/foreign_index.h"

namespace dovetail::mda {

namespace {

constexpr size_t kCacheHead = 32;
constexpr size_t kMostCacheFields = 65536;
constexpr int kMostTables = 1000;
constexpr int kMostRecords = 100;  // of one message
constexpr uint32_t kVariableSize = UINT32_MAX;

struct CacheField {
  std::string_view name;
  uint32_t size = kVariableSize;
};

uint32_t cache_u32(std::string_view bytes, size_t at) {
  if (at > bytes.size()) return 0;
  return NumberReader(bytes.substr(at)).get<uint32_t>();
}

// Offsets of tables are written as the log's sizes are, 0 for none.
size_t cache_table_offset(std::string_view bytes, size_t at) {
  size_t offset = 0;
  for (size_t i = 0; i < 4 && at + i < bytes.size(); ++i) {
    auto octet = static_cast<unsigned char>(bytes[at + i]);
    if (!(octet & 0x80)) return 0;
    offset = offset << 7 | (octet & 0x7f);
  }
  return offset << 2;
}

// The last table holds all fields.
std::vector<CacheField> read_cache_fields(std::string_view bytes) {
  std::vector<CacheField> fields;
  size_t at = cache_table_offset(bytes, 28);
  for (int table = 0; table < kMostTables && at >= kCacheHead && at + 12 <= bytes.size(); ++table) {
    size_t size = cache_u32(bytes, at + 4), count = cache_u32(bytes, at + 8);
    if (size > bytes.size() - at || count > kMostCacheFields || 12 + count * 10 > size) break;
    fields.assign(count, {});
    std::string_view names = bytes.substr(at + 12 + count * 10, size - 12 - count * 10);
    for (size_t i = 0; i < count; ++i) {
      fields[i].size = cache_u32(bytes, at + 12 + count * 4 + i * 4);
      size_t end = std::min(names.find('\0'), names.size());
      fields[i].name = names.substr(0, end);
      names.remove_prefix(std::min(names.size(), end + 1));
    }
    at = cache_table_offset(bytes, at);
  }
  return fields;
}

// date.save of one record; 0: not there.
int64_t saved_in_record(std::string_view record, const std::vector<CacheField>& fields) {
  while (record.size() >= 4) {
    size_t number = cache_u32(record, 0);
    if (number >= fields.size()) return 0;
    record.remove_prefix(4);
    size_t size = fields[number].size;
    if (fields[number].size == kVariableSize) {
      size = cache_u32(record, 0);
      record.remove_prefix(std::min<size_t>(record.size(), 4));
    }
    if (size > record.size()) return 0;
    if (fields[number].name == "date.save" && size == 4) return cache_u32(record, 0);
    record.remove_prefix(std::min(record.size(), (size + 3) & ~size_t{3}));
  }
  return 0;
}

}  // namespace

bool ForeignIndex::read_cache(std::string_view bytes) {
  if (bytes.size() < kCacheHead || bytes[0] != 1) return false;
  uint32_t sequence = cache_u32(bytes, 8);
  for (const Extension& extension : extensions_) {
    // Offsets that belong to another cache file than this one would lead anywhere.
    if (extension.name == "cache" && extension.reset_id != 0 && extension.reset_id != sequence)
      return true;
  }
  std::vector<CacheField> fields = read_cache_fields(bytes);
  for (ForeignMessage& message : messages_) {
    size_t at = message.cache_offset;
    for (int i = 0; i < kMostRecords && at >= kCacheHead && at + 8 <= bytes.size(); ++i) {
      size_t older = cache_u32(bytes, at), size = cache_u32(bytes, at + 4);
      if (size < 8 || size > bytes.size() - at) break;
      message.save_date = saved_in_record(bytes.substr(at + 8, size - 8), fields);
      if (message.save_date != 0 || older >= at) break;
      at = older;
    }
  }
  return true;
}

}  // namespace dovetail::mda
