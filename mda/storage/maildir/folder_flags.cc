// Changing flags, claiming \Recent, expunging: renames and unlinks of files others may touch too; see folder.h.
// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "common/base/clock.h"
#include "mda/storage/maildir/control_files.h"
#include "mda/storage/maildir/filename.h"
#include "mda/storage/maildir/folder.h"

namespace dovetail::mda {

namespace {

constexpr int kRenameRounds = 5;

bool same_directory_time(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool still_at(const std::string& path, const timespec& mtime, bool scanned) {
  struct stat st {};
  return scanned && stat(path.c_str(), &st) == 0 && same_directory_time(st.st_mtim, mtime);
}

// What the flags and keywords become; the letters of others stay.
void apply_update(const FlagUpdate& update, KeywordSet keywords, uint8_t& flags, KeywordSet& set) {
  switch (update.change) {
    case FlagChange::add:
      flags |= update.flags;
      set |= keywords;
      break;
    case FlagChange::remove:
      flags &= static_cast<uint8_t>(~update.flags);
      set &= ~keywords;
      break;
    case FlagChange::replace:
      flags = update.flags;
      set = keywords;
      break;
  }
}

}  // namespace

void MaildirFolder::own_change_begins() {
  new_was_current_ = !new_.racy && still_at(paths_.mail + "/new", new_.mtime, new_.scanned);
  cur_was_current_ = !cur_.racy && still_at(paths_.mail + "/cur", cur_.mtime, cur_.scanned);
}

// Directories that were as we knew them are so still: the change is ours.
void MaildirFolder::own_change_ended() {
  struct stat st {};
  int64_t now = base::monotonic_now().count();
  auto trust = [&](DirectoryState& state, const char* which, bool was_current) {
    if (!was_current || stat((paths_.mail + which).c_str(), &st) != 0) return;
    if (same_directory_time(state.mtime, st.st_mtim)) return;
    state.mtime = st.st_mtim;
    ++state.own_changes;
    if (state.trusted_at == 0) state.trusted_at = now;
    if (state.trusted_since == 0) state.trusted_since = base::wall_now().seconds;
  };
  trust(new_, "/new", new_was_current_);
  trust(cur_, "/cur", cur_was_current_);
}

// Numbers of these names, made if they are not there. nullopt: dovecot-keywords is locked by somebody else.
Result<std::optional<KeywordSet>> MaildirFolder::keyword_set(
    const std::vector<std::string>& names) {
  KeywordSet set = 0;
  if (auto done = reload_keywords(); !done) return done.error();
  for (const std::string& name : names) {
    auto number_of = [&](const std::vector<std::string>& list,
                         size_t from) -> std::optional<size_t> {
      for (size_t i = from; i < list.size(); ++i) {
        if (base::iequals(list[i], name)) return i;
      }
      return std::nullopt;
    };
    auto number = number_of(keywords_, 0);
    if (!number) number = number_of(index_.keywords(), kKeywordLetters);
    if (!number) {
      auto added = add_maildir_keyword(paths_.control + "/dovecot-keywords", name,
                                       settings_->hostname, file_mode_);
      if (!added) return added.error();
      if (!*added) return std::optional<KeywordSet>();
      keywords_ = std::move(**added);
      keywords_mtime_ = {};
      number = number_of(keywords_, 0);
    }
    if (!number) {
      // All letters are taken: the name lives in our index only.
      size_t next = std::max<size_t>(kKeywordLetters, index_.keywords().size());
      if (next >= kMaxKeywords) return permanent("[LIMIT] Too many keywords in mailbox");
      index_.put_keyword(static_cast<unsigned>(next), name);
      number = next;
    }
    set |= KeywordSet{1} << *number;
  }
  return std::optional<KeywordSet>(set);
}

// False: the message has gone. The row is what the file says afterwards.
Result<bool> MaildirFolder::update_row(Row& row, const FlagUpdate& update, KeywordSet keywords) {
  for (int round = 0; round < kRenameRounds; ++round) {
    NameFlags name = parse_name_flags(row.file);
    KeywordSet set = row.keywords;
    apply_update(update, keywords, name.flags, set);
    name.keywords = set & ((KeywordSet{1} << kKeywordLetters) - 1);
    Row changed = row;
    changed.flags = name.flags;
    changed.keywords = set;
    changed.file = maildir_name(row.base(), name);
    bool same_name = changed.flags == row.flags &&
                     (changed.keywords == row.keywords || changed.file == row.file);
    if (same_name) changed.file = row.file;
    if (same_name || ::rename(path_of(row).c_str(), path_of(changed).c_str()) == 0) {
      row = std::move(changed);
      return true;
    }
    if (errno != ENOENT) return errno_error("rename " + path_of(row), errno);
    auto again = find_again(row);
    if (!again) return again.error();
    if (!*again) return false;
    KeywordSet high = row.keywords & ~((KeywordSet{1} << kKeywordLetters) - 1);
    row = std::move(**again);
    row.keywords |= high;
  }
  return temporary(format("{}: renamed again and again", path_of(row)));
}

Result<bool> MaildirFolder::set_flags(const std::vector<Uid>& uids, const FlagUpdate& update,
                                      std::vector<Uid>& modified) {
  modified.clear();
  if (!lock_index()) return false;
  auto keywords = keyword_set(update.keywords);
  if (!keywords || !*keywords) {
    index_.unlock();
    if (!keywords) return keywords.error();
    return false;
  }
  own_change_begins();
  ViewEdit edit;
  std::optional<Error> failed;
  Modseq fresh = index_.highest_modseq() + 1;
  for (Uid uid : uids) {
    size_t seq = view_->seq_of(uid);
    if (seq == 0) continue;
    Row row = view_->row(seq);
    if (update.unchanged_since && row.modseq > *update.unchanged_since) {
      modified.push_back(uid);
      continue;
    }
    Row before = row;
    auto there = update_row(row, update, **keywords);
    if (!there) {
      failed = there.error();
      break;
    }
    if (!*there) {
      cur_.racy = true;  // gone: the next scan tells
      continue;
    }
    if (row.flags == before.flags && row.keywords == before.keywords && row.file == before.file)
      continue;
    row.modseq = fresh;
    edit.changed.push_back(std::move(row));
  }
  put_index_rows(edit.changed);
  own_change_ended();
  publish(std::move(edit));
  remember_folder();
  index_.unlock();
  if (failed) return *failed;
  return true;
}

bool MaildirFolder::unlink_row(Row row) {
  for (int round = 0; round < kRenameRounds; ++round) {
    if (unlink(path_of(row).c_str()) == 0) return true;
    if (errno != ENOENT) return false;
    auto again = find_again(row);
    if (!again) return false;
    if (!*again) return true;
    row = std::move(**again);
  }
  return false;
}

Result<bool> MaildirFolder::expunge(const std::vector<Uid>& uids, std::vector<Uid>& gone) {
  gone.clear();
  if (!lock_index()) return false;
  own_change_begins();
  ViewEdit edit;
  std::vector<Expunged> expunged;
  std::optional<Error> failed;
  Modseq fresh = index_.highest_modseq() + 1;
  for (Uid uid : uids) {
    size_t seq = view_->seq_of(uid);
    if (seq == 0) continue;
    const Row& row = view_->row(seq);
    if (!unlink_row(row)) {
      failed = errno_error("unlink " + path_of(row), errno);
      break;
    }
    gone.push_back(uid);
    expunged.push_back({uid, fresh});
    edit.removed.push_back(uid);
    fields_.erase(uid);
  }
  index_.put_expunges(expunged);
  own_change_ended();
  publish(std::move(edit));
  remember_folder();
  index_.unlock();
  if (failed) return *failed;
  return true;
}

Result<bool> MaildirFolder::claim_recent(std::vector<Uid>& claimed) {
  claimed.clear();
  if (view_->unclaimed() == 0) return true;
  if (!lock_index()) return false;
  own_change_begins();
  ViewEdit edit;
  std::optional<Error> failed;
  for (const auto& chunk : view_->chunks()) {
    for (const Row& row : chunk->rows) {
      if (!row.unclaimed) continue;
      Row moved = row;
      moved.unclaimed = false;
      if (row.file.find(':') == std::string::npos) moved.file += ":2,";
      if (::rename(path_of(row).c_str(), path_of(moved).c_str()) != 0) {
        // Another session was faster, and \Recent is its.
        if (errno != ENOENT) failed = errno_error("rename " + path_of(row), errno);
        new_.racy = cur_.racy = true;
        continue;
      }
      claimed.push_back(row.uid);
      edit.changed.push_back(std::move(moved));
    }
  }
  put_index_rows(edit.changed);
  own_change_ended();
  publish(std::move(edit));
  remember_folder();
  index_.unlock();
  if (failed && claimed.empty()) return *failed;
  return true;
}

}  // namespace dovetail::mda
