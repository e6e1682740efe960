// See view_edit.h.
// SPDX-License-Identifier: Apache-2.0
#include "mda/storage/view_edit.h"

#include <algorithm>

namespace dovetail::mda {

namespace {

constexpr size_t kRowsPerChunk = 512;

bool row_before(const Row& a, const Row& b) {
  return a.uid < b.uid;
}

void append_chunks(std::vector<View::ChunkPointer>& chunks, std::vector<Row> rows) {
  for (size_t at = 0; at < rows.size(); at += kRowsPerChunk) {
    auto chunk = std::make_shared<View::Chunk>();
    size_t end = std::min(rows.size(), at + kRowsPerChunk);
    chunk->rows.assign(std::make_move_iterator(rows.begin() + static_cast<long>(at)),
                       std::make_move_iterator(rows.begin() + static_cast<long>(end)));
    chunks.push_back(std::move(chunk));
  }
}

}  // namespace

std::vector<View::ChunkPointer> edit_chunks(const View& view, ViewEdit edit) {
  std::sort(edit.changed.begin(), edit.changed.end(), row_before);
  std::sort(edit.added.begin(), edit.added.end(), row_before);
  std::sort(edit.removed.begin(), edit.removed.end());
  std::vector<View::ChunkPointer> chunks;
  auto changed = edit.changed.begin();
  auto added = edit.added.begin();
  auto removed = edit.removed.begin();
  size_t count = view.chunks().size();
  for (size_t i = 0; i < count; ++i) {
    const View::ChunkPointer& old = view.chunks()[i];
    Uid last = old->rows.back().uid;
    // The last chunk takes new rows while it has room.
    bool takes_new = i + 1 == count && old->rows.size() < kRowsPerChunk;
    auto belongs = [&](Uid uid) { return uid <= last || takes_new; };
    bool touched = (changed != edit.changed.end() && changed->uid <= last) ||
                   (removed != edit.removed.end() && *removed <= last) ||
                   (added != edit.added.end() && belongs(added->uid));
    if (!touched) {
      chunks.push_back(old);
      continue;
    }
    std::vector<Row> rows;
    rows.reserve(old->rows.size() + 1);
    for (const Row& row : old->rows) {
      while (added != edit.added.end() && added->uid < row.uid) rows.push_back(std::move(*added++));
      while (removed != edit.removed.end() && *removed < row.uid) ++removed;
      while (changed != edit.changed.end() && changed->uid < row.uid) ++changed;
      if (removed != edit.removed.end() && *removed == row.uid) continue;
      if (changed != edit.changed.end() && changed->uid == row.uid)
        rows.push_back(std::move(*changed++));
      else
        rows.push_back(row);
    }
    while (takes_new && added != edit.added.end()) rows.push_back(std::move(*added++));
    append_chunks(chunks, std::move(rows));
  }
  std::vector<Row> rest(std::make_move_iterator(added), std::make_move_iterator(edit.added.end()));
  append_chunks(chunks, std::move(rest));
  return chunks;
}

}  // namespace dovetail::mda
