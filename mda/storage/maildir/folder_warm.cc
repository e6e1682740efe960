// Opening a folder from our index without reading its directories, and noting there what the next opening needs;
// see folder.h.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "common/base/clock.h"
#include "mda/storage/maildir/filename.h"
#include "mda/storage/maildir/folder.h"

namespace dovetail::mda {

namespace {

// How long own changes alone may vouch for a directory: somebody else's in the very same tick would stay unseen.
constexpr int64_t kTrustSeconds = 3600;
constexpr uint32_t kTrustChanges = 1000;
constexpr KeywordSet kWarmLetters = (KeywordSet{1} << kKeywordLetters) - 1;

}  // namespace

// The row of a file as the index knows it; nullopt: the index contradicts itself.
std::optional<Row> MaildirFolder::row_from_index(const IndexRow& index,
                                                 const std::string& base) const {
  Row row;
  row.uid = index.uid;
  row.flags = index.flags;
  row.keywords = index.keywords;
  row.modseq = index.modseq;
  row.unclaimed = index.place & kPlaceNew;
  if (index.place & kPlacePlain) {
    row.file = base;
  } else if (index.place & kPlaceSuffix) {
    std::string suffix = index_.odd_suffix(index.uid);
    if (!suffix.starts_with(':') || suffix.find('/') != std::string::npos) return std::nullopt;
    row.file = base + suffix;
  } else {
    row.file = maildir_name(base, {index.flags, index.keywords & kWarmLetters, ""});
  }
  return row;
}

// Makes the first view of index and uidlist, with the directories' times it was right for; sync() then finds out what
// has changed since. Takes the entries it has used. False: there is nothing to be had.
bool MaildirFolder::warm_open(std::vector<UidlistEntry>& entries) {
  index_.refresh();
  const UidlistHeader& header = uidlist_.header();
  const IndexFolder& folder = index_.folder();
  if (!folder.cur.known || index_.uid_validity() != header.uid_validity ||
      index_.guid() != header.guid || header.version != 3)
    return false;
  std::vector<Row> rows;
  std::vector<UidlistEntry> rest;
  std::unordered_map<Uid, std::string> fields;
  rows.reserve(index_.rows().size());
  auto entry = entries.begin();
  for (const IndexRow& index : index_.rows()) {
    while (entry != entries.end() && entry->uid < index.uid) rest.push_back(*entry++);
    if (entry == entries.end() || entry->uid != index.uid) return false;
    auto row = row_from_index(index, entry->name);
    if (!row) return false;
    rows.push_back(std::move(*row));
    if (!entry->fields.empty()) fields[entry->uid] = entry->fields;
    ++entry;
  }
  rest.insert(rest.end(), entry, entries.end());
  entries = std::move(rest);
  fields_ = std::move(fields);
  auto adopt = [](const IndexFolder::Directory& known, DirectoryState& state) {
    state = {};
    int64_t trusted = base::wall_now().seconds - known.trusted_since;
    bool too_long = known.trusted_since != 0 &&
                    (trusted < 0 || trusted > kTrustSeconds || known.own_changes > kTrustChanges);
    if (!known.known || too_long) return;
    state.scanned = true;
    state.mtime = {known.seconds, known.nanoseconds};
    state.trusted_since = known.trusted_since;
    state.own_changes = known.own_changes;
    if (known.trusted_since != 0) state.trusted_at = base::monotonic_now().count();
  };
  adopt(folder.fresh, new_);
  adopt(folder.cur, cur_);
  remap_ = false;
  ViewEdit edit;
  edit.added = std::move(rows);
  view_ = next_view(edit_chunks(View(), std::move(edit)));
  return true;
}

// While the index is locked, after rows and view were brought together.
void MaildirFolder::remember_folder() {
  if (index_.rows().size() != view_->count() ||
      index_.uid_validity() != uidlist_.header().uid_validity)
    return;
  auto directory = [](const DirectoryState& state) {
    IndexFolder::Directory known;
    known.known = state.scanned && !state.racy;
    if (!known.known) return known;
    known.seconds = state.mtime.tv_sec;
    known.nanoseconds = state.mtime.tv_nsec;
    known.trusted_since = state.trusted_since;
    known.own_changes = state.own_changes;
    return known;
  };
  IndexFolder folder;
  folder.fresh = directory(new_);
  folder.cur = directory(cur_);
  index_.put_folder(folder);
}

}  // namespace dovetail::mda
