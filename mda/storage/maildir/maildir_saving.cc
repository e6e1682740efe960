// APPEND, delivery, COPY and MOVE of MaildirMailbox; see maildir_mailbox.h.
// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "common/base/text.h"
#include "mda/message/file_bytes.h"
#include "mda/storage/maildir/filename.h"
#include "mda/storage/maildir/run_locked.h"

namespace dovetail::mda {

namespace {

constexpr size_t kDeliveryPiece = size_t{256} << 10;
constexpr int kDeliveryLockTries = 3;

// A file being written in tmp/; lives in jobs, one at a time.
struct TmpFile {
  Fd fd;
  StagedFile staged;
  std::string name;
  SaveOptions options;
  bool save_crlf = false;
  bool held_cr = false;

  ~TmpFile() {
    if (!staged.tmp_path.empty()) unlink(staged.tmp_path.c_str());
  }
  Result<void> open(MaildirFolder& folder);
  Result<void> write(std::string_view bytes);
  Result<void> finish(MailFsync fsync);
};

Result<void> TmpFile::open(MaildirFolder& folder) {
  name = unique_maildir_name(folder.settings().hostname);
  save_crlf = folder.settings().mail_save_crlf;
  std::string path = folder.tmp_path(name);
  auto opened = base::open_file(path, O_WRONLY | O_CREAT | O_EXCL, folder.file_mode());
  if (!opened) {
    if (auto made = folder.create(false); !made) return made.error();
    opened = base::open_file(path, O_WRONLY | O_CREAT | O_EXCL, folder.file_mode());
    if (!opened) return opened.error();
  }
  fd = std::move(*opened);
  staged.tmp_path = std::move(path);
  return {};
}

// Line ends become LF (or CRLF with mail_save_crlf); both sizes are counted on the way.
Result<void> TmpFile::write(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() + 1);
  size_t line_ends = 0;
  auto put_line_end = [&] {
    if (save_crlf) out += '\r';
    out += '\n';
    ++line_ends;
  };
  size_t at = 0;
  while (at < bytes.size()) {
    if (held_cr) {
      held_cr = false;
      if (bytes[at] != '\n') out += '\r';
    }
    size_t end = bytes.find_first_of("\r\n", at);
    if (end == std::string_view::npos) end = bytes.size();
    out += bytes.substr(at, end - at);
    at = end;
    if (at == bytes.size()) break;
    if (bytes[at] == '\n')
      put_line_end();
    else
      held_cr = true;
    ++at;
  }
  staged.physical_size += out.size();
  staged.virtual_size += out.size() + (save_crlf ? 0 : line_ends);
  return base::write_all(fd.get(), out);
}

Result<void> TmpFile::finish(MailFsync fsync) {
  if (held_cr) {
    if (auto done = base::write_all(fd.get(), "\r"); !done) return done;
    ++staged.physical_size;
    ++staged.virtual_size;
    held_cr = false;
  }
  if (options.internal_date) {
    const timespec times[2] = {{*options.internal_date, 0}, {*options.internal_date, 0}};
    futimens(fd.get(), times);
  }
  if (fsync != MailFsync::never) {
    if (auto done = base::sync_file(fd.get()); !done) return done;
  }
  fd.reset();
  staged.base = format("{},S={},W={}", name, staged.physical_size, staged.virtual_size);
  staged.flags = options.flags;
  staged.keywords = options.keywords;
  std::string fields;
  if (!options.guid.empty()) fields = "G" + options.guid;
  if (!options.pop3_uidl.empty()) fields += (fields.empty() ? "P" : " P") + options.pop3_uidl;
  staged.fields = std::move(fields);
  return {};
}

class MaildirIncoming : public Incoming {
 public:
  MaildirIncoming(net::Pool& pool, std::shared_ptr<TmpFile> file)
      : pool_(pool), file_(std::move(file)) {}
  Task<Result<void>> write(std::string bytes) override;
  uint64_t physical_size() const override { return file_->staged.physical_size; }
  uint64_t virtual_size() const override { return file_->staged.virtual_size; }
  const std::shared_ptr<TmpFile>& file() const { return file_; }

 private:
  net::Pool& pool_;
  std::shared_ptr<TmpFile> file_;
};

Task<Result<void>> MaildirIncoming::write(std::string bytes) {
  auto job = [file = file_, bytes = std::move(bytes)] { return file->write(bytes); };
  auto done = co_await pool_.run(job);
  co_return done;
}

// Reads the message from `offset` to its end behind the prefix.
Result<void> write_delivery(TmpFile& file, std::string_view prefix, int fd, uint64_t offset) {
  if (auto done = file.write(prefix); !done) return done;
  for (;;) {
    auto bytes = read_bytes_at(fd, offset, kDeliveryPiece);
    if (!bytes) return bytes.error();
    if (bytes->empty()) return {};
    if (auto done = file.write(*bytes); !done) return done;
    offset += bytes->size();
  }
}

}  // namespace

Task<Result<std::unique_ptr<Incoming>>> MaildirMailbox::begin_save(SaveOptions options) {
  auto file = std::make_shared<TmpFile>();
  file->options = std::move(options);
  auto job = [folder = folder_, file] { return file->open(*folder); };
  auto done = co_await pool_.run(job);
  if (!done) co_return done.error();
  std::unique_ptr<Incoming> incoming = std::make_unique<MaildirIncoming>(pool_, std::move(file));
  co_return incoming;
}

Task<Result<Saved>> MaildirMailbox::commit(std::vector<std::unique_ptr<Incoming>> messages) {
  std::vector<std::shared_ptr<TmpFile>> files;
  for (const auto& message : messages) {
    auto* incoming = dynamic_cast<MaildirIncoming*>(message.get());
    if (incoming == nullptr) co_return permanent("a message begun in another kind of mailbox");
    files.push_back(incoming->file());
  }
  auto job = [files, fsync = folder_->settings().mail_fsync]() -> Result<std::vector<StagedFile>> {
    std::vector<StagedFile> staged;
    for (const auto& file : files) {
      if (auto done = file->finish(fsync); !done) return done.error();
    }
    for (const auto& file : files) {
      staged.push_back(file->staged);
      file->staged.tmp_path.clear();  // commit owns it now
    }
    return staged;
  };
  auto staged = co_await pool_.run(job);
  if (!staged) co_return staged.error();
  auto saved = co_await commit_staged(std::move(*staged));
  co_return saved;
}

Task<Result<Saved>> MaildirMailbox::commit_staged(std::vector<StagedFile> files) {
  auto state = std::make_shared<std::pair<std::vector<StagedFile>, Saved>>();
  state->first = std::move(files);
  auto call = [folder = folder_, state] { return folder->commit(state->first, state->second); };
  auto done = co_await run_locked(call);
  if (!done) {
    auto clean = [state] {
      for (const StagedFile& file : state->first) {
        if (!file.tmp_path.empty()) unlink(file.tmp_path.c_str());
      }
    };
    co_await pool_.run(clean);
    co_return done.error();
  }
  bool all_known = std::find(state->second.uids.begin(), state->second.uids.end(), 0u) ==
                   state->second.uids.end();
  if (all_known) co_return std::move(state->second);
  auto saved = co_await uids_after_scan(std::move(state->first), std::move(state->second));
  co_return saved;
}

// There was no uidlist to append to: a scan writes one, and gives the uids.
Task<Result<Saved>> MaildirMailbox::uids_after_scan(std::vector<StagedFile> files, Saved saved) {
  auto synced = co_await sync();
  if (!synced) co_return synced.error();
  saved.uid_validity = view_->uid_validity;
  for (size_t i = 0; i < files.size(); ++i) {
    for (size_t seq = view_->count(); seq > 0; --seq) {
      if (view_->row(seq).base() != files[i].base) continue;
      saved.uids[i] = view_->row(seq).uid;
      break;
    }
  }
  co_return saved;
}

Task<Result<Saved>> MaildirMailbox::deliver(std::string prefix, int fd, uint64_t offset,
                                            SaveOptions options) {
  auto file = std::make_shared<TmpFile>();
  file->options = std::move(options);
  auto state = std::make_shared<Saved>();
  // The first try writes the file; all of it is one trip to the pool unless the uidlist is locked.
  auto first = [folder = folder_, file, state, prefix = std::move(prefix), fd,
                offset]() -> Result<bool> {
    if (auto done = file->open(*folder); !done) return done.error();
    if (auto done = write_delivery(*file, prefix, fd, offset); !done) return done.error();
    if (auto done = file->finish(folder->settings().mail_fsync); !done) return done.error();
    return true;
  };
  auto written = co_await pool_.run(first);
  if (!written) co_return written.error();
  auto guard = co_await mutex_.lock();
  for (int attempt = 0; attempt <= kDeliveryLockTries; ++attempt) {
    if (attempt > 0) co_await loop_.sleep(kFirstLockWait);
    bool without_uid = attempt == kDeliveryLockTries;
    auto job = [folder = folder_, file, state, without_uid] {
      return folder->deliver(file->staged, *state, without_uid);
    };
    auto done = co_await pool_.run(job);
    if (!done) co_return done.error();
    if (*done) break;
  }
  co_return std::move(*state);
}

Task<Result<Saved>> MaildirMailbox::copy(std::vector<Uid> uids, std::shared_ptr<Mailbox> to) {
  auto* target = dynamic_cast<MaildirMailbox*>(to.get());
  if (target == nullptr)
    co_return permanent("[CANNOT] Copying between mailbox formats is not supported");
  struct Copies {
    std::vector<StagedFile> files;
    std::vector<Uid> sources;
  };
  auto copies = std::make_shared<Copies>();
  auto call = [folder = folder_, into = target->folder_, uids, copies]() -> Result<bool> {
    auto files = into->stage_copies(*folder, uids, copies->sources);
    if (!files) return files.error();
    copies->files = std::move(*files);
    return true;
  };
  auto done = co_await run_locked(call);
  if (!done) co_return done.error();
  if (copies->files.empty()) co_return Saved();
  auto saved = co_await target->commit_staged(std::move(copies->files));
  if (!saved) co_return saved.error();
  saved->sources = std::move(copies->sources);
  co_return saved;
}

// Saved over there before it is removed here: a crash in between leaves two, never none.
Task<Result<Saved>> MaildirMailbox::move(std::vector<Uid> uids, std::shared_ptr<Mailbox> to) {
  auto saved = co_await copy(std::move(uids), std::move(to));
  if (!saved) co_return saved.error();
  auto gone = co_await expunge(saved->sources);
  if (!gone) co_return gone.error();
  co_return saved;
}

}  // namespace dovetail::mda
