// Types and bodies of the index file's blocks; used by the store only.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "mda/storage/index/folder_index.h"

namespace dovetail::mda {

enum IndexBlock : unsigned {
  kIndexRows = 1,
  kIndexExpunges = 2,
  kIndexFacts = 3,
  kIndexKeyword = 4,
  kIndexMark = 5,
  kIndexSuffix = 6,
  kIndexFolder = 7,
  kIndexStub = 8,
  kIndexClosed = 9,
};

std::string index_rows_body(const IndexRow* rows, size_t count);
std::string index_facts_body(const IndexRow* rows, size_t count);
std::string index_expunges_body(const Expunged* expunges, size_t count);
std::string index_suffix_body(Uid uid, std::string_view suffix);
std::string index_folder_body(const IndexFolder& folder);
std::string index_stub_body(const IndexStub& stub);
struct IndexMark {
  uint32_t uid_validity = 0;
  Uid uid_next = 1;
  Modseq highest = 0, expunges_from = 0;
  std::string guid;
};
std::string index_mark_body(const IndexMark& mark);

// A whole file in one step, without fsync: what it says can be found out again.
Result<void> replace_index_file(const std::string& path, std::string_view bytes, mode_t mode);

}  // namespace dovetail::mda
