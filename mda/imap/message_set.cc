// SPDX-License-Identifier: Apache-2.0
#include "mda/imap/message_set.h"

#include <algorithm>

#include "mda/imap/session.h"

namespace dovetail::mda::imap {

namespace {

std::vector<Uid> uids_of_sequence(const View& view, const SequenceSet& set) {
  std::vector<Uid> uids;
  for (auto range : set.ranges()) {
    for (size_t seq = range.first; seq <= range.last; ++seq) uids.push_back(view.row(seq).uid);
  }
  return uids;
}

std::vector<Uid> uids_in_view(const View& view, const SequenceSet& set) {
  std::vector<Uid> uids;
  for (auto range : set.ranges()) {
    for (auto seq = view.seq_from(range.first); seq <= view.count(); ++seq) {
      auto uid = view.row(seq).uid;
      if (uid > range.last) break;
      uids.push_back(uid);
    }
  }
  return uids;
}

}  // namespace

bool resolve_sequence(SequenceSet& set, size_t count) {
  if (count == 0) return false;
  for (auto range : set.ranges()) {
    if (range.first != SequenceSet::kStar && range.first > count) return false;
    if (range.last != SequenceSet::kStar && range.last > count) return false;
  }
  set.resolve(static_cast<uint32_t>(count));
  return true;
}

Result<std::vector<Uid>> take_message_set(Session& session, ArgReader& args, bool by_uid) {
  const auto& view = *session.selected->view;
  auto text = args.atom();
  if (!text) return permanent("Invalid arguments");
  if (*text == "$") {
    std::vector<Uid> uids;
    for (auto uid : session.saved_result) {
      if (view.seq_of(uid) > 0) uids.push_back(uid);
    }
    return uids;
  }
  auto set = SequenceSet::parse(*text);
  if (!set) return permanent(by_uid ? "Invalid uidset" : "Invalid messageset");
  if (!by_uid) {
    if (!resolve_sequence(*set, view.count())) return permanent("Invalid messageset");
    return uids_of_sequence(view, *set);
  }
  set->resolve(view.count() > 0 ? view.row(view.count()).uid : 0);
  return uids_in_view(view, *set);
}

std::vector<Uid> deleted_uids(const View& view, const SequenceSet* among) {
  std::vector<Uid> uids;
  for (const auto& chunk : view.chunks()) {
    for (const auto& row : chunk->rows) {
      if ((row.flags & kDeleted) && (!among || among->contains(row.uid))) uids.push_back(row.uid);
    }
  }
  return uids;
}

}  // namespace dovetail::mda::imap
