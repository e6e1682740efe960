// Looking at the disk: which directories have to be read, which names are new, gone or changed; see folder.h.
// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/base/text.h"
#include "mda/storage/maildir/control_files.h"
#include "mda/storage/maildir/filename.h"
#include "mda/storage/maildir/folder.h"

namespace dovetail::mda {

namespace {

constexpr int64_t kTickNanoseconds =
    20'000'000;  // directory times of local file systems move in up to 10 ms
constexpr int64_t kTrustMilliseconds = 30'000;

timespec directory_mtime(const std::string& path) {
  struct stat st {};
  if (stat(path.c_str(), &st) != 0) return {};
  return st.st_mtim;
}

bool same_mtime(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

struct DirectoryCloser {
  void operator()(DIR* directory) const { closedir(directory); }
};

}  // namespace

// Must be taken before the directory is read: a change in the same tick, but later, shows by nothing.
MaildirFolder::Sample MaildirFolder::sample(const char* which) const {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  Sample seen;
  seen.mtime = directory_mtime(format("{}/{}", paths_.mail, which));
  int64_t age = (now.tv_sec - seen.mtime.tv_sec) * 1'000'000'000 + now.tv_nsec - seen.mtime.tv_nsec;
  // A file system that counts whole seconds shows it by zeros.
  seen.racy = age < (seen.mtime.tv_nsec == 0 ? 2'000'000'000 : kTickNanoseconds);
  return seen;
}

bool MaildirFolder::must_scan(const DirectoryState& state, const Sample& now) {
  if (!state.scanned || state.racy || !same_mtime(now.mtime, state.mtime)) return true;
  return state.trusted_at != 0 &&
         base::monotonic_now().count() - state.trusted_at > kTrustMilliseconds;
}

void MaildirFolder::note_scanned(DirectoryState& state, const Sample& seen) {
  state = {};
  state.mtime = seen.mtime;
  state.scanned = true;
  state.racy = seen.racy;
}

Result<void> MaildirFolder::scan(const char* which, FoundFiles& found) {
  std::string path = format("{}/{}", paths_.mail, which);
  std::unique_ptr<DIR, DirectoryCloser> directory(opendir(path.c_str()));
  if (!directory) {
    if (errno == ENOENT) return create(false);  // somebody removed it: made again, empty
    return errno_error("opendir " + path, errno);
  }
  bool in_new = which[0] == 'n';
  std::vector<std::pair<std::string, std::string>> duplicates;
  while (dirent* entry = readdir(directory.get())) {
    std::string_view name = entry->d_name;
    if (name.starts_with('.')) continue;
    auto [it, fresh] =
        found.try_emplace(std::string(maildir_base(name)), Found{std::string(name), in_new});
    if (fresh) continue;
    if (it->second.in_new && !in_new)
      it->second = Found{std::string(name), false};  // seen on its way to cur/
    else if (it->second.in_new == in_new)
      duplicates.emplace_back(it->second.file, std::string(name));
  }
  for (const auto& [first, second] : duplicates) fix_duplicate(which, first, second, found);
  return {};
}

// Two files of one base name cannot both have its uid: one gets a new name. They may also be one file, seen twice
// while it was renamed: then one of the names is gone.
void MaildirFolder::fix_duplicate(const char* which, const std::string& first,
                                  const std::string& second, FoundFiles& found) {
  std::string path = format("{}/{}/", paths_.mail, which);
  struct stat one {
  }, two{};
  Found& kept = found[std::string(maildir_base(first))];
  if (stat((path + second).c_str(), &two) != 0) return;
  if (stat((path + first).c_str(), &one) != 0) {
    kept.file = second;
    return;
  }
  std::string name = unique_maildir_name(settings_->hostname);
  if (::rename((path + second).c_str(), (path + name).c_str()) != 0) return;
  log_.warning("Fixed a duplicate: {}{} -> {}", path, second, name);
  found.try_emplace(name, Found{name, which[0] == 'n'});
}

Row MaildirFolder::row_from_file(Uid uid, const Found& found) const {
  NameFlags flags = parse_name_flags(found.file);
  Row row;
  row.uid = uid;
  row.flags = flags.flags;
  row.keywords = flags.keywords;
  row.unclaimed = found.in_new;
  row.file = found.file;
  return row;
}

Result<void> MaildirFolder::reload_keywords() {
  std::string path = paths_.control + "/dovecot-keywords";
  timespec mtime = directory_mtime(path);
  if (same_mtime(mtime, keywords_mtime_)) return {};
  auto names = read_maildir_keywords(path);
  if (!names) return names.error();
  keywords_ = std::move(*names);
  keywords_mtime_ = mtime;
  return {};
}

// Takes in what the uidlist said; false if it cannot be used and has to be written.
bool MaildirFolder::take_uidlist(Uidlist::Read read) {
  if (read.broken && !broken_) log_.error("Mailbox {}: {}", paths_.name, read.problem);
  broken_ = read.broken;
  if (read.replaced || read.broken || read.missing) {
    remap_ = true;
    listed_.clear();
    fields_.clear();
  }
  for (UidlistEntry& entry : read.entries) {
    std::string name = entry.name;
    listed_[std::move(name)] = std::move(entry);
  }
  return !read.broken && !read.missing;
}

Result<bool> MaildirFolder::sync() {
  if (auto done = reload_keywords(); !done) return done.error();
  auto read = uidlist_.refresh();
  if (!read) return read.error();
  auto imported = import_family();
  if (!imported || !*imported) {
    take_uidlist(std::move(*read));
    return imported;
  }
  if (!std::exchange(opened_, true) && read->replaced && !read->broken && warm_open(read->entries))
    read->replaced = false;  // what the index did not know is left in entries
  bool usable = take_uidlist(std::move(*read));
  Sample fresh = sample("new"), cur = sample("cur");
  bool scan_new = must_scan(new_, fresh);
  bool whole = must_scan(cur_, cur) || remap_ || !usable;
  if (!scan_new && !whole) {
    Modseq before = index_.highest_modseq();
    index_.refresh();
    if (index_.highest_modseq() == before && !others_wrote_) {
      if (view_->keywords.size() < keywords_.size()) publish({});
      return true;
    }
  }
  if (!lock_index()) return false;
  auto done = scan_and_merge(fresh, cur, whole);
  uidlist_.unlock();
  index_.unlock();
  if (done && *done) clean_tmp();
  return done;
}

// Reads new/, and cur/ as well if `whole` or if it turns out to be needed; the index is locked.
Result<bool> MaildirFolder::scan_and_merge(Sample fresh, Sample cur, bool whole) {
  for (int rounds = 0;;) {
    FoundFiles found;
    if (auto done = scan("new", found); !done) return done.error();
    if (whole) {
      found.reserve(view_->count() + found.size());
      if (auto done = scan("cur", found); !done) return done.error();
      // A file renamed while the directory is read may be missed by it; then it must not pass for gone.
      Sample after = sample("cur");
      if (!same_mtime(after.mtime, cur.mtime) && rounds++ < 3) {
        cur = after;
        fresh = sample("new");
        continue;
      }
    }
    auto merged = merge(found, whole);
    if (merged && *merged) break;
    if (!merged || whole) return merged;
    whole = true;  // something left new/ since: cur/ has to be read as well
    cur = sample("cur");
    fresh = sample("new");
  }
  note_scanned(new_, fresh);
  if (whole) note_scanned(cur_, cur);
  remember_folder();
  return true;
}

// False: busy, or (with whole = false) cur/ has to be read too.
Result<bool> MaildirFolder::merge(FoundFiles& found, bool whole) {
  ViewEdit edit;
  if (!merge_known(found, whole, edit)) return false;
  auto done = merge_unknown(found, edit);
  if (!done || !*done) return done;
  finish_edit(std::move(edit));
  remap_ = false;
  // Many stale lines make every reader slow; they are dropped when nobody else is writing.
  if (whole && uidlist_.lines() > 100 && uidlist_.lines() > view_->count() + view_->count() / 3) {
    auto locked = uidlist_.try_lock();
    auto read = uidlist_.refresh();
    bool quiet = read && read->entries.empty() && !read->replaced && !read->missing;
    if (!quiet && read) take_uidlist(std::move(*read));
    if (quiet && locked && *locked) {
      if (auto written = rewrite_uidlist(); !written)
        log_.warning("{}", written.error().text);
      else
        listed_.clear();
    }
  }
  return true;
}

// Rows whose files are still there, changed, or gone; what is taken is removed from `found`.
bool MaildirFolder::merge_known(FoundFiles& found, bool whole, ViewEdit& edit) {
  if (remap_) return true;  // finish_edit() begins with no rows then
  for (const auto& chunk : view_->chunks()) {
    for (const Row& row : chunk->rows) {
      if (!whole && !row.unclaimed) continue;
      auto it = found.find(std::string(row.base()));
      if (it == found.end()) {
        if (!whole) return false;
        edit.removed.push_back(row.uid);
        fields_.erase(row.uid);
        continue;
      }
      if (it->second.file != row.file || it->second.in_new != row.unclaimed) {
        edit.changed.push_back(row_from_file(row.uid, it->second));
      }
      found.erase(it);
    }
  }
  return true;
}

// Names not among the rows: with a line in the uidlist, or to be given a uid.
Result<bool> MaildirFolder::merge_unknown(FoundFiles& found, ViewEdit& edit) {
  std::vector<std::string> without_uid;
  for (auto& [name, file] : found) {
    auto listed = listed_.find(name);
    if (listed == listed_.end()) {
      without_uid.push_back(name);
      continue;
    }
    edit.added.push_back(row_from_file(listed->second.uid, file));
    if (!listed->second.fields.empty()) fields_[listed->second.uid] = listed->second.fields;
  }
  bool must_write = uidlist_.header().uid_validity == 0 || broken_ ||
                    uidlist_.header().version != 3 || !base::file_exists(uidlist_.path());
  if (!without_uid.empty() || must_write) {
    auto done = assign_uids(std::move(without_uid), edit.added, found);
    if (!done || !*done) return done;
  }
  for (const Row& row : edit.added) listed_.erase(std::string(row.base()));
  return true;
}

Result<bool> MaildirFolder::assign_uids(std::vector<std::string> names, std::vector<Row>& added,
                                        FoundFiles& found) {
  auto locked = uidlist_.try_lock();
  if (!locked) return locked.error();
  if (!*locked) return false;
  auto read = uidlist_.refresh();
  if (!read) return read.error();
  if (read->replaced && !read->missing && !read->broken) {
    take_uidlist(std::move(*read));
    return false;  // another process wrote it just now: begin again
  }
  bool usable = take_uidlist(std::move(*read));
  std::vector<UidlistEntry> lines;
  std::sort(names.begin(), names.end(), maildir_name_before);
  bool append = usable && uidlist_.header().version == 3;
  Uid next = append || usable ? uidlist_.next_uid() : std::max<Uid>(1, index_.uid_next());
  for (const std::string& name : names) {
    auto listed = listed_.find(name);
    Uid uid = listed != listed_.end() ? listed->second.uid : next++;
    added.push_back(row_from_file(uid, found.at(name)));
    if (listed == listed_.end()) lines.push_back({uid, "", name});
  }
  if (append) {
    if (lines.empty()) return true;
    if (auto done = uidlist_.append(lines); !done) return done.error();
    return true;
  }
  // Version 1: all lines are written in the new form. Missing or broken: a new list.
  std::vector<UidlistEntry> all;
  for (const Row& row : added) {
    auto listed = listed_.find(std::string(row.base()));
    if (listed != listed_.end()) all.push_back(listed->second);
  }
  all.insert(all.end(), lines.begin(), lines.end());
  std::sort(all.begin(), all.end(),
            [](const UidlistEntry& a, const UidlistEntry& b) { return a.uid < b.uid; });
  UidlistHeader header = uidlist_.header();
  if (!usable) {
    auto fresh = new_list_header();
    if (!fresh) return fresh.error();
    header = std::move(*fresh);
  }
  if (header.guid.empty()) header.guid = base::random_hex(32);
  header.next_uid = std::max(header.next_uid, next);
  if (auto done = uidlist_.rewrite(header, all); !done) return done.error();
  broken_ = false;
  return true;
}

// UIDVALIDITY of a list made anew comes from our index if that still knows it.
Result<UidlistHeader> MaildirFolder::new_list_header() {
  UidlistHeader header;
  header.guid = base::random_hex(32);
  header.uid_validity = index_.uid_validity();
  header.next_uid = std::max<Uid>(1, index_.uid_next());
  if (header.uid_validity != 0) return header;
  auto validity = next_uid_validity(paths_.control_root, file_mode_);
  if (!validity) return validity.error();
  header.uid_validity = *validity;
  return header;
}

Result<void> MaildirFolder::rewrite_uidlist() {
  std::vector<UidlistEntry> all;
  all.reserve(view_->count());
  for (const auto& chunk : view_->chunks()) {
    for (const Row& row : chunk->rows) {
      auto fields = fields_.find(row.uid);
      all.push_back(
          {row.uid, fields == fields_.end() ? "" : fields->second, std::string(row.base())});
    }
  }
  UidlistHeader header = uidlist_.header();
  header.next_uid = std::max(header.next_uid, uidlist_.next_uid());
  return uidlist_.rewrite(header, all);
}

}  // namespace dovetail::mda
