// APPEND, delivery, COPY and MOVE of MaildirMailbox; see maildir_mailbox.h.
// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
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
// Messages larger than this are written before their turn: the mailbox must not stand still meanwhile.
constexpr uint64_t kWrittenInTurn = uint64_t{1} << 20;
constexpr size_t kDeliveriesTogether = 32;

// A file being written in tmp/; lives in jobs, one at a time.
struct TmpFile {
  Fd fd;
  StagedFile staged;
  std::string name;
  SaveOptions options;
  bool save_crlf = false;
  bool held_cr = false;
  std::string out;  // converted, not written yet

  ~TmpFile() {
    if (!staged.tmp_path.empty()) unlink(staged.tmp_path.c_str());
  }
  Result<void> open(MaildirFolder& folder);
  void convert(std::string_view bytes);
  Result<void> write(std::string_view bytes);
  Result<void> write_out();
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

// Line ends become LF (or CRLF with mail_save_crlf); a CR that ends no line stays.
void TmpFile::convert(std::string_view bytes) {
  std::string_view line_end = save_crlf ? "\r\n" : "\n";
  size_t before = out.size(), line_ends = 0;
  out.reserve(out.size() + bytes.size() + 1);
  if (held_cr && !bytes.empty()) {
    held_cr = false;
    if (bytes.front() != '\n') out += '\r';
  }
  for (size_t end; (end = bytes.find('\n')) != bytes.npos; bytes.remove_prefix(end + 1)) {
    auto line = bytes.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    out += line;
    out += line_end;
    ++line_ends;
  }
  held_cr = bytes.ends_with('\r') || (held_cr && bytes.empty());
  if (bytes.ends_with('\r')) bytes.remove_suffix(1);
  out += bytes;
  // Both sizes are counted on the way.
  staged.physical_size += out.size() - before;
  staged.virtual_size += out.size() - before + (save_crlf ? 0 : line_ends);
}

Result<void> TmpFile::write(std::string_view bytes) {
  convert(bytes);
  return out.size() < kDeliveryPiece ? Result<void>() : write_out();
}

Result<void> TmpFile::write_out() {
  auto done = base::write_all(fd.get(), out);
  out.clear();
  return done;
}

// What was written is on the disk then, and the file has its name; it still stands in tmp/.
Result<void> TmpFile::finish(MailFsync fsync) {
  if (held_cr) {
    held_cr = false;
    out += '\r';
    ++staged.physical_size;
    ++staged.virtual_size;
  }
  if (auto done = write_out(); !done) return done;
  if (options.internal_date) {
    const timespec times[2] = {{*options.internal_date, 0}, {*options.internal_date, 0}};
    futimens(fd.get(), times);
  }
  if (fsync != MailFsync::never) {
    if (auto done = base::sync_file(fd.get()); !done) return done;
  }
  fd.reset();
  std::string().swap(out);
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

}  // namespace

// A message on its way in: read from `offset` of `fd` to its end, behind the prefix.
struct MaildirMailbox::Delivering {
  TmpFile file;
  std::string prefix;
  int fd;
  uint64_t offset, size;
  bool written = false;    // to the file, not yet to the disk
  bool attempted = false;  // by whoever took it along
  Saved saved;
  Result<void> done = temporary("message was not delivered");

  Result<void> write(MaildirFolder& folder);
};

Result<void> MaildirMailbox::Delivering::write(MaildirFolder& folder) {
  if (std::exchange(written, true)) return done;
  if (auto opened = file.open(folder); !opened) return opened;
  file.convert(prefix);
  for (uint64_t at = offset; at < size;) {
    auto bytes =
        read_bytes_at(fd, at, static_cast<size_t>(std::min<uint64_t>(kDeliveryPiece, size - at)));
    if (!bytes) return bytes.error();
    if (bytes->empty()) return temporary("message became shorter while it was delivered");
    if (auto put = file.write(*bytes); !put) return put;
    at += bytes->size();
  }
  return file.write_out();
}

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

// Deliveries that wait for their turn are taken along by the one whose turn it is: their files are on the way to the disk
// together, new/ is fsynced once for all, and the uidlist is locked once.
Task<Result<Saved>> MaildirMailbox::deliver(std::string prefix, int fd, uint64_t offset,
                                            SaveOptions options) {
  struct stat st {};
  if (fstat(fd, &st) != 0) co_return errno_error("fstat message", errno);
  auto own = std::make_shared<Delivering>();
  own->file.options = std::move(options);
  own->prefix = std::move(prefix);
  own->fd = fd;
  own->offset = offset;
  own->size = static_cast<uint64_t>(st.st_size);
  if (own->size > kWrittenInTurn) {
    auto early = [folder = folder_, own] { own->done = own->write(*folder); };
    co_await pool_.run(early);
    if (!own->done) co_return own->done.error();
  }
  arriving_.push_back(own);
  auto guard = co_await mutex_.lock();
  if (!own->attempted) co_await deliver_together(own);
  if (!own->done) co_return own->done.error();
  co_return std::move(own->saved);
}

// One trip to the pool unless the uidlist is locked by somebody else.
Task<> MaildirMailbox::deliver_together(std::shared_ptr<Delivering> own) {
  std::vector<std::shared_ptr<Delivering>> all{own};
  std::erase(arriving_, own);
  while (!arriving_.empty() && all.size() < kDeliveriesTogether) {
    all.push_back(std::move(arriving_.front()));
    arriving_.pop_front();
  }
  for (int attempt = 0; attempt <= kDeliveryLockTries; ++attempt) {
    if (attempt > 0) co_await loop_.sleep(kFirstLockWait);
    bool without_uid = attempt == kDeliveryLockTries;
    auto job = [folder = folder_, &all, attempt, without_uid] {
      if (attempt == 0) write_together(*folder, all);
      return move_in_together(*folder, all, without_uid);
    };
    bool moved = co_await pool_.run(job);
    if (moved) break;
  }
  for (auto& one : all) one->attempted = true;
}

void MaildirMailbox::write_together(MaildirFolder& folder, const DeliveringList& all) {
  MailFsync fsync = folder.settings().mail_fsync;
  for (auto& one : all) {
    one->done = one->write(folder);
    bool company = all.size() > 1 && one->done && fsync != MailFsync::never;
    if (company) (void)sync_file_range(one->file.fd.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
  }
  for (auto& one : all) {
    if (one->done) one->done = one->file.finish(fsync);
  }
}

// False: the uidlist is locked, nothing has happened.
bool MaildirMailbox::move_in_together(MaildirFolder& folder, const DeliveringList& all,
                                      bool without_uid) {
  std::vector<MaildirFolder::Arrival> arrivals;
  for (auto& one : all) {
    if (one->done) arrivals.push_back({one->file.staged, one->saved, one->done});
  }
  return arrivals.empty() || folder.deliver(arrivals, without_uid);
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
