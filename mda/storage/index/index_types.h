// Types and bodies of the index file's blocks; used inside mda/storage/index only.
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
};

std::string index_rows_body(const IndexRow* rows, size_t count);
std::string index_facts_body(const IndexRow* rows, size_t count);
std::string index_expunges_body(const Expunged* expunges, size_t count);
std::string index_mark_body(uint32_t uid_validity, Uid uid_next, Modseq highest,
                            Modseq expunges_from);

}  // namespace dovetail::mda
