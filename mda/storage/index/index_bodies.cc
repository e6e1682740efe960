// Writes the columns of the index file's blocks; see index_types.h. Reading them is FolderIndex's.
// SPDX-License-Identifier: Apache-2.0
#include "mda/storage/index/blocks.h"
#include "mda/storage/index/index_types.h"

namespace dovetail::mda {

std::string index_rows_body(const IndexRow* rows, size_t count) {
  std::string body;
  body.reserve(4 + count * 22);
  put_number<uint32_t>(body, static_cast<uint32_t>(count));
  for (size_t i = 0; i < count; ++i) put_number<uint32_t>(body, rows[i].uid);
  for (size_t i = 0; i < count; ++i) put_number<uint8_t>(body, rows[i].flags);
  for (size_t i = 0; i < count; ++i) put_number<uint64_t>(body, rows[i].keywords);
  for (size_t i = 0; i < count; ++i) put_number<uint64_t>(body, rows[i].modseq);
  for (size_t i = 0; i < count; ++i) put_number<uint8_t>(body, rows[i].place);
  return body;
}

std::string index_facts_body(const IndexRow* rows, size_t count) {
  std::string body;
  body.reserve(4 + count * 48);
  put_number<uint32_t>(body, static_cast<uint32_t>(count));
  for (size_t i = 0; i < count; ++i) put_number<uint32_t>(body, rows[i].uid);
  for (size_t i = 0; i < count; ++i) put_number<uint64_t>(body, rows[i].virtual_size);
  for (size_t i = 0; i < count; ++i) put_number<uint64_t>(body, rows[i].physical_size);
  for (size_t i = 0; i < count; ++i) put_number<int64_t>(body, rows[i].internal_date);
  for (size_t i = 0; i < count; ++i) put_number<int64_t>(body, rows[i].save_date);
  for (size_t i = 0; i < count; ++i) put_number<uint64_t>(body, rows[i].text_offset);
  for (size_t i = 0; i < count; ++i) put_number<uint32_t>(body, rows[i].text_length);
  return body;
}

std::string index_expunges_body(const Expunged* expunges, size_t count) {
  std::string body;
  put_number<uint32_t>(body, static_cast<uint32_t>(count));
  for (size_t i = 0; i < count; ++i) put_number<uint32_t>(body, expunges[i].uid);
  for (size_t i = 0; i < count; ++i) put_number<uint64_t>(body, expunges[i].modseq);
  return body;
}

std::string index_suffix_body(Uid uid, std::string_view suffix) {
  std::string body;
  put_number<uint32_t>(body, uid);
  return body += suffix;
}

std::string index_folder_body(const IndexFolder& folder) {
  std::string body;
  for (const IndexFolder::Directory* one : {&folder.fresh, &folder.cur}) {
    put_number<uint8_t>(body, one->known);
    put_number<int64_t>(body, one->seconds);
    put_number<int64_t>(body, one->nanoseconds);
    put_number<int64_t>(body, one->trusted_since);
    put_number<uint32_t>(body, one->own_changes);
  }
  return body;
}

std::string index_stub_body(const IndexStub& stub) {
  std::string body;
  put_number<uint32_t>(body, stub.size);
  put_number<uint32_t>(body, stub.crc);
  put_number<uint64_t>(body, stub.initial);
  return body;
}

std::string index_mark_body(const IndexMark& mark) {
  std::string body;
  put_number<uint32_t>(body, mark.uid_validity);
  put_number<uint32_t>(body, mark.uid_next);
  put_number<uint64_t>(body, mark.highest);
  put_number<uint64_t>(body, mark.expunges_from);
  return body += mark.guid;
}

}  // namespace dovetail::mda
