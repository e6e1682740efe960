// Messages coming in: from tmp/ to new/ with their lines in the uidlist; copies by hard link; see folder.h.
//
// Every new message goes to new/, flags or not, so that it is \Recent for whoever opens the mailbox first; a suffix in
// new/ is read by the incumbent as well.
// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "mda/message/file_bytes.h"
#include "mda/storage/maildir/filename.h"
#include "mda/storage/maildir/folder.h"

namespace dovetail::mda {

namespace {

constexpr size_t kCopyPiece = size_t{256} << 10;

Result<void> copy_bytes(int from, int to) {
  for (uint64_t at = 0;;) {
    auto bytes = read_bytes_at(from, at, kCopyPiece);
    if (!bytes) return bytes.error();
    if (bytes->empty()) return {};
    if (auto done = base::write_all(to, *bytes); !done) return done;
    at += bytes->size();
  }
}

}  // namespace

// Renames one file into new/ and gives its path there.
Result<std::string> MaildirFolder::move_in(StagedFile& file, KeywordSet keywords) {
  std::string name = file.base;
  if (file.flags != 0 || keywords != 0) name = maildir_name(file.base, {file.flags, keywords, ""});
  std::string path = format("{}/new/{}", paths_.mail, name);
  if (::rename(file.tmp_path.c_str(), path.c_str()) == 0) return path;
  if (errno == ENOENT) {
    // new/ was removed by somebody.
    if (auto made = create(false); !made) return made.error();
    if (::rename(file.tmp_path.c_str(), path.c_str()) == 0) return path;
  }
  return errno_error("rename " + file.tmp_path, errno);
}

Result<bool> MaildirFolder::commit(std::vector<StagedFile>& files, Saved& saved) {
  std::vector<KeywordSet> keywords;
  bool high = false;
  for (const StagedFile& file : files) {
    if (!file.keywords.empty() && !lock_index()) return false;
    auto set = keyword_set(file.keywords);
    index_.unlock();
    if (!set) return set.error();
    if (!*set) return false;
    keywords.push_back(**set & ((KeywordSet{1} << kKeywordLetters) - 1));
    high |= keywords.back() != **set;
  }
  auto locked = uidlist_.try_lock();
  if (!locked) return locked.error();
  if (!*locked) return false;
  std::vector<std::string> paths;
  std::vector<UidlistEntry> lines;
  std::optional<Error> failed;
  for (size_t i = 0; i < files.size() && !failed; ++i) {
    auto path = move_in(files[i], keywords[i]);
    if (!path)
      failed = path.error();
    else
      paths.push_back(std::move(*path));
    lines.push_back({0, files[i].fields, files[i].base});
  }
  if (!failed && settings_->mail_fsync != MailFsync::never) {
    if (auto synced = base::sync_directory(paths_.mail + "/new"); !synced) failed = synced.error();
  }
  std::optional<Uid> first;
  if (!failed) {
    auto given = uidlist_.append_new(lines, saved.uid_validity);
    if (!given)
      failed = given.error();
    else
      first = *given;
  }
  uidlist_.unlock();
  if (failed) {
    for (const std::string& path : paths) unlink(path.c_str());
    return *failed;
  }
  for (StagedFile& file : files) file.tmp_path.clear();
  saved.uids.clear();
  for (size_t i = 0; i < files.size(); ++i)
    saved.uids.push_back(first ? *first + static_cast<Uid>(i) : 0);
  if (!high) return true;
  if (auto done = set_high_keywords(files, saved); !done) log_.error("{}", done.error().text);
  return true;
}

// Keywords without a letter stand in the index, which knows a message only after a sync.
Result<void> MaildirFolder::set_high_keywords(const std::vector<StagedFile>& files,
                                              const Saved& saved) {
  auto synced = sync();
  if (!synced) return synced.error();
  std::vector<Uid> modified;
  for (size_t i = 0; i < files.size(); ++i) {
    FlagUpdate update;
    update.keywords = files[i].keywords;
    auto done = set_flags({saved.uids[i]}, update, modified);
    if (!done) return done.error();
    if (!*done)
      return temporary(format("Mailbox {}: keywords of a saved message are lost", paths_.name));
  }
  return {};
}

// A first delivery finds no uidlist; with the lock held it is made, so that nobody has to scan for uids later.
Result<void> MaildirFolder::make_uidlist() {
  index_.refresh();
  auto header = new_list_header();
  if (!header) return header.error();
  return uidlist_.rewrite(*header, {});
}

Result<void> MaildirFolder::create_list(const std::string& guid) {
  auto header = new_list_header();
  if (!header) return header.error();
  header->guid = guid;
  return uidlist_.rewrite(*header, {});
}

KeywordSet MaildirFolder::letters_of(const std::vector<std::string>& keywords) {
  if (keywords.empty()) return 0;
  auto set = keyword_set(keywords);
  return set && *set ? **set & ((KeywordSet{1} << kKeywordLetters) - 1) : 0;
}

bool MaildirFolder::deliver(const std::vector<Arrival>& arrivals, bool without_uid) {
  if (!without_uid) {
    auto locked = uidlist_.try_lock();
    if (locked && !*locked) return false;
    if (!locked) {
      for (auto& arrival : arrivals) arrival.done = locked.error();
      return true;
    }
  }
  std::vector<Arrival> moved;
  for (auto& arrival : arrivals) {
    arrival.saved.uids.assign(1, 0);
    auto path = move_in(arrival.file, letters_of(arrival.file.keywords));
    if (path)
      moved.push_back(arrival);
    else
      arrival.done = path.error();
  }
  if (!moved.empty() && settings_->mail_fsync != MailFsync::never) {
    auto synced = base::sync_directory(paths_.mail + "/new");
    if (!synced) {
      for (auto& arrival : moved) arrival.done = synced;
      moved.clear();
    }
  }
  for (auto& arrival : moved) arrival.file.tmp_path.clear();
  if (!without_uid && !moved.empty()) list_arrivals(moved);
  uidlist_.unlock();
  return true;
}

// Their lines in the uidlist. The messages are there and safe; a line that could not be written costs only its uid.
void MaildirFolder::list_arrivals(const std::vector<Arrival>& arrivals) {
  std::vector<UidlistEntry> lines;
  for (auto& arrival : arrivals) lines.push_back({0, arrival.file.fields, arrival.file.base});
  uint32_t uid_validity = 0;
  auto first = uidlist_.append_new(lines, uid_validity);
  if (first && !*first && !base::file_exists(uidlist_.path())) {
    auto made = make_uidlist();
    if (made)
      first = uidlist_.append_new(lines, uid_validity);
    else
      first = made.error();
  }
  if (!first) log_.error("{}", first.error().text);
  if (!first || !*first) return;
  for (size_t i = 0; i < arrivals.size(); ++i) {
    arrivals[i].saved.uid_validity = uid_validity;
    arrivals[i].saved.uids[0] = **first + static_cast<Uid>(i);
  }
}

Result<std::vector<StagedFile>> MaildirFolder::stage_copies(MaildirFolder& from,
                                                            const std::vector<Uid>& uids,
                                                            std::vector<Uid>& sources) {
  std::vector<StagedFile> files;
  auto fail = [&](Error error) {
    for (const StagedFile& file : files) unlink(file.tmp_path.c_str());
    return error;
  };
  auto infos = from.info(uids, kWantSize | kWantDate | kWantGuid);
  if (!infos) return infos.error();
  for (const MessageInfo& info : *infos) {
    size_t seq = from.view_->seq_of(info.uid);
    if (info.gone || seq == 0) continue;
    Row row = from.view_->row(seq);
    StagedFile file;
    std::string name = unique_maildir_name(settings_->hostname);
    file.base = format("{},S={},W={}", name, info.physical_size, info.virtual_size);
    file.tmp_path = tmp_path(name);
    file.flags = row.flags;
    file.keywords = from.view_->keyword_names(row.keywords);
    file.fields = format("G{}", info.guid);  // a copy keeps its guid
    bool linked = false;
    if (settings_->maildir_copy_with_hardlinks) {
      linked = ::link(from.path_of(row).c_str(), file.tmp_path.c_str()) == 0;
      if (!linked && errno == ENOENT) {
        auto again = from.find_again(row);
        if (!again) return fail(again.error());
        if (!*again) continue;
        linked = ::link(from.path_of(**again).c_str(), file.tmp_path.c_str()) == 0;
      }
    }
    if (!linked) {
      auto source = from.open_message(info.uid);
      if (!source) return fail(source.error());
      if (!*source) continue;
      auto copy = base::open_file(file.tmp_path, O_WRONLY | O_CREAT | O_EXCL, file_mode_);
      if (!copy) return fail(copy.error());
      files.push_back(file);
      if (auto done = copy_bytes(source->get(), copy->get()); !done) return fail(done.error());
      const timespec times[2] = {{info.internal_date, 0}, {info.internal_date, 0}};
      futimens(copy->get(), times);
      if (settings_->mail_fsync != MailFsync::never) {
        if (auto done = base::sync_file(copy->get()); !done) return fail(done.error());
      }
    } else {
      files.push_back(file);
    }
    sources.push_back(info.uid);
  }
  return files;
}

}  // namespace dovetail::mda
