// Makes the next view from the last: rows replaced, removed, added. Chunks that do not change are shared.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "mda/storage/types.h"

namespace dovetail::mda {

struct ViewEdit {
  std::vector<Row> changed;  // replace the row of that uid
  std::vector<Uid> removed;
  std::vector<Row> added;  // any uids that are not there yet
  bool empty() const { return changed.empty() && removed.empty() && added.empty(); }
};

// Chunks of the next view; the lists of `edit` need no order.
std::vector<View::ChunkPointer> edit_chunks(const View& view, ViewEdit edit);

}  // namespace dovetail::mda
