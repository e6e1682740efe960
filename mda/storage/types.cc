// Views: finding rows and comparing two of them; see types.h.
// SPDX-License-Identifier: Apache-2.0
#include "mda/storage/types.h"

#include <algorithm>

#include "common/base/text.h"

namespace dovetail::mda {

View::View(std::vector<ChunkPointer> chunks) : chunks_(std::move(chunks)) {
  starts_.reserve(chunks_.size());
  size_t total = 0;
  for (const ChunkPointer& chunk : chunks_) starts_.push_back(total += chunk->rows.size());
}

size_t View::chunk_of_seq(size_t seq) const {
  return static_cast<size_t>(std::lower_bound(starts_.begin(), starts_.end(), seq) -
                             starts_.begin());
}

const Row& View::row(size_t seq) const {
  size_t chunk = chunk_of_seq(seq);
  size_t before = chunk == 0 ? 0 : starts_[chunk - 1];
  return chunks_[chunk]->rows[seq - before - 1];
}

size_t View::seq_from(Uid uid) const {
  auto chunk = std::lower_bound(
      chunks_.begin(), chunks_.end(), uid,
      [](const ChunkPointer& c, Uid wanted) { return c->rows.back().uid < wanted; });
  if (chunk == chunks_.end()) return count() + 1;
  const std::vector<Row>& rows = (*chunk)->rows;
  auto row = std::lower_bound(rows.begin(), rows.end(), uid,
                              [](const Row& r, Uid wanted) { return r.uid < wanted; });
  size_t index = static_cast<size_t>(chunk - chunks_.begin());
  return (index == 0 ? 0 : starts_[index - 1]) + static_cast<size_t>(row - rows.begin()) + 1;
}

size_t View::seq_of(Uid uid) const {
  size_t seq = seq_from(uid);
  return seq <= count() && row(seq).uid == uid ? seq : 0;
}

size_t View::unclaimed() const {
  size_t found = 0;
  for (const ChunkPointer& chunk : chunks_) {
    for (const Row& row : chunk->rows) found += row.unclaimed;
  }
  return found;
}

size_t View::without(uint8_t flags) const {
  size_t found = 0;
  for (const ChunkPointer& chunk : chunks_) {
    for (const Row& row : chunk->rows) found += (row.flags & flags) == 0;
  }
  return found;
}

size_t View::first_unseen() const {
  size_t seq = 0;
  for (const ChunkPointer& chunk : chunks_) {
    for (const Row& row : chunk->rows) {
      ++seq;
      if (!(row.flags & kSeen)) return seq;
    }
  }
  return 0;
}

std::vector<std::string> View::keyword_names(KeywordSet set) const {
  std::vector<std::string> names;
  for (size_t i = 0; i < keywords.size(); ++i) {
    if ((set >> i & 1) && !keywords[i].empty()) names.push_back(keywords[i]);
  }
  return names;
}

std::optional<unsigned> View::keyword_number(std::string_view name) const {
  for (size_t i = 0; i < keywords.size(); ++i) {
    if (base::iequals(keywords[i], name)) return static_cast<unsigned>(i);
  }
  return std::nullopt;
}

namespace {

// Walks a view row by row, skipping nothing; knows which chunk it is in so that shared ones can be passed at once.
class ViewCursor {
 public:
  explicit ViewCursor(const View& view) : view_(view) {}
  bool done() const { return chunk_ == view_.chunks().size(); }
  const Row& row() const { return view_.chunks()[chunk_]->rows[at_]; }
  const View::ChunkPointer& chunk() const { return view_.chunks()[chunk_]; }
  bool at_chunk_start() const { return at_ == 0; }
  size_t seq() const { return seq_; }
  void next() {
    ++seq_;
    if (++at_ == view_.chunks()[chunk_]->rows.size()) next_chunk();
  }
  void skip_chunk() {
    seq_ += view_.chunks()[chunk_]->rows.size();
    next_chunk();
  }

 private:
  void next_chunk() {
    ++chunk_;
    at_ = 0;
  }
  const View& view_;
  size_t chunk_ = 0, at_ = 0, seq_ = 1;
};

}  // namespace

ViewChange compare(const View& before, const View& after) {
  ViewChange change;
  change.first_new = after.count() + 1;
  change.keywords_changed = before.keywords != after.keywords;
  change.uid_validity_changed = before.uid_validity != after.uid_validity;
  ViewCursor old(before), now(after);
  while (!old.done() || !now.done()) {
    if (!old.done() && !now.done() && old.at_chunk_start() && now.at_chunk_start() &&
        old.chunk() == now.chunk()) {
      old.skip_chunk();
      now.skip_chunk();
    } else if (now.done() || (!old.done() && old.row().uid < now.row().uid)) {
      change.expunged.push_back(old.seq());
      change.expunged_uids.push_back(old.row().uid);
      old.next();
    } else if (old.done() || now.row().uid < old.row().uid) {
      if (change.first_new > now.seq()) change.first_new = now.seq();
      now.next();
    } else {
      const Row& a = old.row();
      const Row& b = now.row();
      if (a.flags != b.flags || a.keywords != b.keywords || a.modseq != b.modseq)
        change.changed.push_back(now.seq());
      old.next();
      now.next();
    }
  }
  return change;
}

}  // namespace dovetail::mda
