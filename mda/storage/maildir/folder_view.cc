// From a scan to the next view: modseqs from the index or new ones, expunges noted; see folder.h.
// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <algorithm>

#include "mda/storage/maildir/filename.h"
#include "mda/storage/maildir/folder.h"

namespace dovetail::mda {

namespace {

constexpr KeywordSet kLetterKeywords = (KeywordSet{1} << kKeywordLetters) - 1;

IndexRow index_row_of(const Row& row) {
  IndexRow index;
  index.uid = row.uid;
  index.flags = row.flags;
  index.keywords = row.keywords;
  index.modseq = row.modseq;
  return index;
}

bool same_flags(const Row& row, const IndexRow& index) {
  return row.flags == index.flags &&
         (row.keywords & kLetterKeywords) == (index.keywords & kLetterKeywords);
}

}  // namespace

// Rows as the files have them: where the index says the same their modseq is known, else they changed just now.
void MaildirFolder::adopt_modseqs(ViewEdit& edit) {
  Modseq fresh = index_.highest_modseq() + 1;
  std::vector<IndexRow> changed;
  for (std::vector<Row>* rows : {&edit.changed, &edit.added}) {
    for (Row& row : *rows) {
      const IndexRow* known = index_.find(row.uid);
      if (known != nullptr) row.keywords |= known->keywords & ~kLetterKeywords;
      if (known != nullptr && same_flags(row, *known)) {
        row.modseq = known->modseq;
      } else {
        row.modseq = fresh;
        changed.push_back(index_row_of(row));
      }
    }
  }
  std::sort(changed.begin(), changed.end(),
            [](const IndexRow& a, const IndexRow& b) { return a.uid < b.uid; });
  index_.put_rows(changed);
}

// Both lists side by side: rows other processes changed get their modseqs, index rows without a file are expunged.
void MaildirFolder::agree_with_index(View& view) {
  ViewEdit edit;
  std::vector<Expunged> gone;
  Modseq fresh = index_.highest_modseq() + 1;
  auto index = index_.rows().begin();
  auto end = index_.rows().end();
  for (const auto& chunk : view.chunks()) {
    for (const Row& row : chunk->rows) {
      while (index != end && index->uid < row.uid) gone.push_back({index++->uid, fresh});
      if (index == end || index->uid != row.uid) continue;
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
  if (index_.uid_validity() != uidlist_.header().uid_validity)
    index_.reset(uidlist_.header().uid_validity);
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

// The incumbent's index is neither read nor changed: it finds by itself what was changed in the files, uids come from
// the uidlist. Only what stands nowhere else is lost to us, and the administrator is told so once.
void MaildirFolder::foreign_index_check() {
  if (foreign_named_) return;
  foreign_named_ = true;
  index_.refresh();
  struct stat st {};
  std::string path = paths_.index + "/dovecot.index.log";
  if (stat(path.c_str(), &st) != 0 || !index_.rows().empty()) return;
  log_.info(
      "Mailbox {}: {} is left as it is: modseqs begin anew, keywords beyond {} are not imported",
      paths_.name, path, kKeywordLetters);
}

}  // namespace dovetail::mda
