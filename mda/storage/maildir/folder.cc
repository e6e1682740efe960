// Making a folder, its paths and modes, finding a message's file again; see folder.h.
// SPDX-License-Identifier: Apache-2.0
#include "mda/storage/maildir/folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "mda/storage/maildir/control_files.h"
#include "mda/storage/maildir/filename.h"

namespace dovetail::mda {

namespace {

constexpr int64_t kTmpSeconds = 36 * 3600;

struct FolderModes {
  mode_t directory = 0700, file = 0600;
  gid_t group = static_cast<gid_t>(-1);
};

// Modes follow the mail directory, or the nearest directory above it that is there. A set-gid directory hands its
// group down by itself.
FolderModes modes_for(const std::string& mail) {
  struct stat st {};
  if (stat(mail.c_str(), &st) != 0 || !S_ISDIR(st.st_mode)) return {};
  FolderModes modes;
  modes.directory = st.st_mode & 07777 & ~static_cast<mode_t>(S_ISVTX | S_ISUID);
  modes.file = st.st_mode & 0666;
  if (!(st.st_mode & S_ISGID) && (st.st_mode & 0070) && st.st_gid != getegid())
    modes.group = st.st_gid;
  return modes;
}

}  // namespace

MaildirFolder::MaildirFolder(FolderPaths paths, std::shared_ptr<const StoreSettings> settings,
                             Logger log)
    : paths_(std::move(paths)),
      settings_(std::move(settings)),
      log_(std::move(log)),
      uidlist_(paths_.control + "/dovecot-uidlist", settings_->hostname,
               {modes_for(paths_.mail).file | 0600, modes_for(paths_.mail).group}),
      index_(
          paths_.index,
          {modes_for(paths_.mail).file | 0600, paths_.index_in_memory || settings_->mmap_disable},
          log_) {
  FolderModes modes = modes_for(paths_.mail);
  directory_mode_ = modes.directory | 0700;
  file_mode_ = modes.file | 0600;
  group_ = modes.group;
}

Result<void> MaildirFolder::create(bool marker) {
  for (const char* part : {"", "/cur", "/new", "/tmp"}) {
    if (auto made = base::make_directories(paths_.mail + part, directory_mode_); !made)
      return made.error();
  }
  for (const std::string* other : {&paths_.control, &paths_.index}) {
    if (*other == paths_.mail || (other == &paths_.index && paths_.index_in_memory)) continue;
    if (auto made = base::make_directories(*other, directory_mode_); !made) return made.error();
  }
  if (!marker) return {};
  auto fd = base::open_file(paths_.mail + "/maildirfolder", O_WRONLY | O_CREAT, file_mode_);
  if (!fd) return fd.error();
  return {};
}

MimeLimits MaildirFolder::mime_limits() const {
  MimeLimits limits;
  limits.parts = settings_->message_parts;
  limits.nesting = settings_->message_nesting;
  limits.header_size = settings_->message_header_size;
  return limits;
}

std::string MaildirFolder::path_of(const Row& row) const {
  return format("{}/{}/{}", paths_.mail, row.unclaimed ? "new" : "cur", row.file);
}

// The file is not where it was: somebody renamed it. Looks through the directories; nullopt: it is really gone.
Result<std::optional<Row>> MaildirFolder::find_again(const Row& row) {
  FoundFiles found;
  for (const char* which : {"new", "cur"}) {
    if (auto done = scan(which, found); !done) return done.error();
  }
  auto it = found.find(std::string(row.base()));
  if (it == found.end()) return std::optional<Row>();
  return std::optional<Row>(row_from_file(row.uid, it->second));
}

Result<Fd> MaildirFolder::open_message(Uid uid) {
  size_t seq = view_->seq_of(uid);
  if (seq == 0) return Fd();
  Row row = view_->row(seq);
  for (int round = 0; round < 5; ++round) {
    Fd fd(::open(path_of(row).c_str(), O_RDONLY | O_CLOEXEC));
    if (fd) return fd;
    if (errno != ENOENT) return errno_error("open " + path_of(row), errno);
    auto again = find_again(row);
    if (!again) return again.error();
    if (!*again) return Fd();
    row = std::move(**again);
  }
  return temporary(format("{}: renamed again and again", path_of(row)));
}

// Files left in tmp/ by writers that died: nobody writes for 36 hours.
void MaildirFolder::clean_tmp() {
  int64_t now = base::wall_now().seconds;
  if (settings_->mail_temp_scan_interval == 0) return;
  if (now - tmp_cleaned_at_ < static_cast<int64_t>(settings_->mail_temp_scan_interval)) return;
  tmp_cleaned_at_ = now;
  auto names = base::list_directory(paths_.mail + "/tmp");
  if (!names) return;
  for (const std::string& name : *names) {
    struct stat st {};
    std::string path = tmp_path(name);
    if (lstat(path.c_str(), &st) != 0 || !S_ISREG(st.st_mode)) continue;
    if (std::max(st.st_mtime, st.st_ctime) < now - kTmpSeconds) unlink(path.c_str());
  }
}

ChangesSince MaildirFolder::changes_since(Modseq since) {
  ChangesSince changes;
  for (const auto& chunk : view_->chunks()) {
    for (const Row& row : chunk->rows) {
      if (row.modseq > since) changes.changed.push_back(row.uid);
    }
  }
  changes.complete = since >= index_.expunges_from();
  for (const Expunged& gone : index_.expunges()) {
    if (gone.modseq > since) changes.vanished.push_back(gone.uid);
  }
  return changes;
}

}  // namespace dovetail::mda
