// From a scan to the next view: modseqs from the index or new ones, expunges noted; see folder.h.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "mda/storage/maildir/filename.h"
#include "mda/storage/maildir/folder.h"

namespace dovetail::mda {

namespace {

constexpr KeywordSet kLetterKeywords = (KeywordSet{1} << kKeywordLetters) - 1;

// `suffix`: what the file's name ends with, if that is neither nothing nor what its flags make.
IndexRow index_row_of(const Row& row, std::string& suffix) {
  IndexRow index;
  index.uid = row.uid;
  index.flags = row.flags;
  index.keywords = row.keywords;
  index.modseq = row.modseq;
  if (row.unclaimed) index.place |= kPlaceNew;
  std::string_view base = row.base();
  suffix.clear();
  if (base.size() == row.file.size()) {
    index.place |= kPlacePlain;
  } else if (row.file != maildir_name(base, {row.flags, row.keywords & kLetterKeywords, ""})) {
    index.place |= kPlaceSuffix;
    suffix = row.file.substr(base.size());
  }
  return index;
}

bool same_flags(const Row& row, const IndexRow& index) {
  return row.flags == index.flags &&
         (row.keywords & kLetterKeywords) == (index.keywords & kLetterKeywords);
}

}  // namespace

void MaildirFolder::put_index_rows(const std::vector<Row>& rows) {
  std::vector<IndexRow> index;
  std::vector<std::pair<Uid, std::string>> suffixes;
  std::string suffix;
  for (const Row& row : rows) {
    index.push_back(index_row_of(row, suffix));
    if (!suffix.empty()) suffixes.emplace_back(row.uid, suffix);
  }
  std::sort(index.begin(), index.end(),
            [](const IndexRow& a, const IndexRow& b) { return a.uid < b.uid; });
  index_.put_rows(index);
  for (const auto& [uid, text] : suffixes) index_.put_suffix(uid, text);
}

// Rows as the files have them: where the index says the same their modseq is known, else they changed just now.
void MaildirFolder::adopt_modseqs(ViewEdit& edit) {
  Modseq fresh = index_.highest_modseq() + 1;
  std::vector<Row> changed;
  std::string suffix;
  for (std::vector<Row>* rows : {&edit.changed, &edit.added}) {
    for (Row& row : *rows) {
      const IndexRow* known = index_.find(row.uid);
      if (known != nullptr) row.keywords |= known->keywords & ~kLetterKeywords;
      bool same = known != nullptr && same_flags(row, *known);
      row.modseq = same ? known->modseq : fresh;
      bool same_place = same && index_row_of(row, suffix).place == known->place &&
                        (suffix.empty() || suffix == index_.odd_suffix(row.uid));
      if (!same_place) changed.push_back(row);
    }
  }
  put_index_rows(changed);
}

// Both lists side by side: rows other processes changed get their modseqs, index rows without a file are expunged.
void MaildirFolder::agree_with_index(View& view) {
  ViewEdit edit;
  std::vector<Expunged> gone;
  std::vector<Row> unknown;  // of an index that was thrown away under us
  Modseq fresh = index_.highest_modseq() + 1;
  auto index = index_.rows().begin();
  auto end = index_.rows().end();
  for (const auto& chunk : view.chunks()) {
    for (const Row& row : chunk->rows) {
      while (index != end && index->uid < row.uid) gone.push_back({index++->uid, fresh});
      if (index == end || index->uid != row.uid) {
        unknown.push_back(row);
        continue;
      }
      if (same_flags(row, *index) &&
          (row.modseq != index->modseq || row.keywords != index->keywords)) {
        edit.changed.push_back(row);
        edit.changed.back().modseq = index->modseq;
        edit.changed.back().keywords = index->keywords;
      }
      ++index;
    }
  }
  for (; index != end; ++index) gone.push_back({index->uid, fresh});
  index_.put_expunges(gone);
  put_index_rows(unknown);
  if (!edit.empty()) view = *next_view(edit_chunks(view, std::move(edit)));
}

std::shared_ptr<View> MaildirFolder::next_view(std::vector<View::ChunkPointer> chunks) const {
  auto view = std::make_shared<View>(std::move(chunks));
  view->uid_validity = uidlist_.header().uid_validity;
  view->guid = uidlist_.header().guid;
  view->uid_next = uidlist_.next_uid();
  view->highest_modseq = index_.highest_modseq();
  view->keywords = keywords_;
  for (size_t i = kKeywordLetters; i < index_.keywords().size(); ++i) {
    view->keywords.resize(std::max(view->keywords.size(), i + 1));
    view->keywords[i] = index_.keywords()[i];
  }
  return view;
}

// What other processes wrote into the index since our view has to be taken into the next one.
bool MaildirFolder::lock_index() {
  Modseq before = view_->highest_modseq;
  if (!index_.try_lock()) return false;
  others_wrote_ |= index_.highest_modseq() != before;
  return true;
}

void MaildirFolder::finish_edit(ViewEdit edit) {
  const UidlistHeader& header = uidlist_.header();
  if (index_.uid_validity() != header.uid_validity || index_.guid() != header.guid) {
    index_.reset(header.uid_validity, header.guid);
    others_wrote_ = true;
  }
  adopt_modseqs(edit);
  std::vector<Expunged> gone;
  Modseq fresh = index_.highest_modseq() + 1;
  for (Uid uid : edit.removed) {
    if (index_.find(uid) != nullptr) gone.push_back({uid, fresh});
  }
  index_.put_expunges(gone);
  const View none;
  auto view = next_view(edit_chunks(remap_ ? none : *view_, std::move(edit)));
  if (remap_ || others_wrote_) agree_with_index(*view);
  others_wrote_ = false;
  index_.put_mark(uidlist_.next_uid());
  view->highest_modseq = index_.highest_modseq();
  view_ = std::move(view);
}

// After an own change: the rows carry their modseqs, the index has them already.
void MaildirFolder::publish(ViewEdit edit) {
  view_ = next_view(edit_chunks(*view_, std::move(edit)));
}

}  // namespace dovetail::mda
