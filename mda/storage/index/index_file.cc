// Loading, locking, appending to and folding the index file; see folder_index.h.
// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "common/base/lock.h"
#include "common/base/random.h"
#include "common/base/text.h"
#include "mda/message/file_bytes.h"
#include "mda/storage/index/blocks.h"
#include "mda/storage/index/index_types.h"
#include "mda/storage/index/open_indexes.h"

namespace dovetail::mda {

namespace {

constexpr std::string_view kIndexMagic = "dovetail index 2\n";
constexpr size_t kIndexHead = 17 + 36;  // magic, boot id
constexpr size_t kRowsPerBlock = 4096;
constexpr uint64_t kFoldRoom = 256 << 10;
constexpr int kLockRounds = 10;

std::string read_boot_id() {
  auto text = base::read_file("/proc/sys/kernel/random/boot_id", 64);
  std::string id(text ? base::trim(*text) : std::string_view());
  id.resize(36, '0');
  return id;
}

const std::string& this_boot() {
  static const std::string id = read_boot_id();
  return id;
}

}  // namespace

Result<void> replace_index_file(const std::string& path, std::string_view bytes, mode_t mode) {
  std::string beside = format("{}.{}", path, base::random_hex(8));
  auto fd = base::open_file(beside, O_WRONLY | O_CREAT | O_EXCL, mode);
  if (!fd) return fd.error();
  auto done = base::write_all(fd->get(), bytes);
  if (done && ::rename(beside.c_str(), path.c_str()) != 0)
    done = errno_error("rename " + beside, errno);
  if (!done) unlink(beside.c_str());
  return done;
}

FolderIndex::~FolderIndex() {
  OpenIndexes::forget(*this);
}

// What is on disk may be behind what clients have seen; nobody shall take it for the truth later.
void FolderIndex::give_up(std::string_view doing) {
  log_.warning("{}: {}: index is kept in memory", doing, errno_error(file_path(), errno).text);
  unlink(file_path().c_str());
  access_.in_memory = true;
  fd_.reset();
  cache_.reset();
  locked_ = false;
  pending_.clear();
  highest_modseq_ = std::max(highest_modseq_, modseq_of_clock());
}

// The file says what cannot be, or what may be lost in part: it goes, in one log line.
void FolderIndex::begin_anew(std::string_view why) {
  log_.error("{}: {}, rebuilding", file_path(), why);
  start_empty();
  unlink(file_path().c_str());
  fd_.reset();
  cache_.reset();
  inode_ = offset_ = 0;
}

// Takes in blocks; a damaged one ends the index: what it said so far may contradict what is lost.
void FolderIndex::load(std::string_view bytes) {
  while (!bytes.empty()) {
    bool torn = false;
    auto block = read_block(bytes, torn);
    if (!block && torn) return;  // being written, or left by a crash; the next writer cuts it off
    if (!block || !apply(block->type, block->body))
      return begin_anew(format("damaged at offset {}", offset_));
    closed_ = block->type == kIndexClosed;
    offset_ += block->length;
    bytes.remove_prefix(block->length);
  }
}

// The file that is there now, with the state begun anew for it. False: not readable.
bool FolderIndex::open_log() {
  fd_ = Fd(::open(file_path().c_str(), O_RDWR | O_CLOEXEC));
  if (!fd_ && errno == ENOENT) return false;
  struct stat st {};
  if (!fd_ || fstat(fd_.get(), &st) != 0) {
    give_up("open");
    return false;
  }
  if (st.st_ino == inode_ && static_cast<uint64_t>(st.st_size) >= offset_)
    return true;  // LRU had closed it
  inode_ = st.st_ino;
  offset_ = 0;
  return true;
}

void FolderIndex::refresh() {
  if (access_.in_memory) return;
  OpenIndexes::Use use(*this);
  struct stat st {};
  if (stat(file_path().c_str(), &st) != 0) {
    if (inode_ != 0) start_empty();  // removed by somebody: begin anew
    inode_ = offset_ = 0;
    fd_.reset();
    return;
  }
  bool same = st.st_ino == inode_ && static_cast<uint64_t>(st.st_size) >= offset_ && offset_ > 0;
  if (same && static_cast<uint64_t>(st.st_size) == offset_) return;
  if ((!same || !fd_) && !open_log()) return;
  if (fstat(fd_.get(), &st) != 0) return give_up("fstat");
  bool fresh = offset_ == 0;
  auto size = static_cast<uint64_t>(st.st_size);
  auto bytes = read_bytes_at(fd_.get(), offset_, size - std::min(size, offset_));
  if (!bytes) return give_up("read");
  if (!fresh) return load(*bytes);
  cache_.reset();
  window_.clear();
  start_empty();
  if (!bytes->starts_with(kIndexMagic) || bytes->size() < kIndexHead)
    return begin_anew("not an index of this version");
  highest_modseq_ = 0;
  offset_ = kIndexHead;
  load(std::string_view(*bytes).substr(kIndexHead));
  folded_size_ = offset_;
  if (inode_ == 0 || bytes->substr(kIndexMagic.size(), 36) == this_boot()) return;
  if (!closed_) return begin_anew("not closed before the machine went down");
  must_fold_ = true;  // with this boot's id
}

bool FolderIndex::try_lock() {
  if (access_.in_memory || locked_) return locked_ = true;
  OpenIndexes::Use use(*this);
  for (int round = 0; round < kLockRounds; ++round) {
    refresh();
    if (access_.in_memory) return locked_ = true;
    bool created = false;
    if (!fd_) {
      fd_ = Fd(::open(file_path().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, access_.mode));
      if (!fd_) {
        give_up("create");
        return locked_ = true;
      }
      created = inode_ == 0;
    }
    auto held = base::try_ofd_lock(fd_.get(), base::LockKind::exclusive);
    if (!held || !*held) {
      if (created) fd_.reset();
      return false;
    }
    struct stat ours {
    }, there{};
    bool same = fstat(fd_.get(), &ours) == 0 && stat(file_path().c_str(), &there) == 0 &&
                ours.st_ino == there.st_ino;
    if (!same) {
      fd_.reset();  // folded or removed by somebody else meanwhile: lock the new file
      continue;
    }
    locked_ = true;
    if (created && ours.st_size == 0) {
      inode_ = ours.st_ino;
      start_empty();
      fold();
      return true;
    }
    if (created || static_cast<uint64_t>(ours.st_size) != offset_) refresh();
    if (access_.in_memory) return locked_ = true;
    if (inode_ == 0 || !fd_ || inode_ != ours.st_ino) {
      locked_ = false;  // thrown away just now
      continue;
    }
    if (must_fold_) fold();
    return true;
  }
  return false;
}

void FolderIndex::unlock() {
  if (!locked_) return;
  commit();
  OpenIndexes::Use use(*this);
  if (fd_ && !access_.in_memory) (void)base::ofd_unlock(fd_.get());
  locked_ = false;
}

void FolderIndex::commit() {
  if (access_.in_memory || pending_.empty()) return;
  OpenIndexes::Use use(*this);
  if (!only_append_ && offset_ > 2 * folded_size_ + kFoldRoom)
    fold();
  else
    write_out();
}

void FolderIndex::sync_to_disk() {
  commit();
  OpenIndexes::Use use(*this);
  if (fd_ && !access_.in_memory) fdatasync(fd_.get());
}

void FolderIndex::write_out() {
  struct stat st {};
  // Half a block of a writer that died: what follows ours must not look like damage.
  if (fstat(fd_.get(), &st) == 0 && static_cast<uint64_t>(st.st_size) > offset_ &&
      ftruncate(fd_.get(), static_cast<off_t>(offset_)) != 0)
    return give_up("truncate");
  ssize_t n = pwrite(fd_.get(), pending_.data(), pending_.size(), static_cast<off_t>(offset_));
  if (n != static_cast<ssize_t>(pending_.size())) {
    if (n >= 0) errno = ENOSPC;
    return give_up("write");
  }
  offset_ += pending_.size();
  pending_.clear();
}

std::string FolderIndex::folded() const {
  std::string text = std::string(kIndexMagic) + this_boot();
  auto add = [&](unsigned type, const std::string& body) { text += make_block(type, body); };
  for (unsigned i = 0; i < keywords_.size(); ++i) {
    if (keywords_[i].empty()) continue;
    std::string body;
    put_number<uint32_t>(body, i);
    add(kIndexKeyword, body + keywords_[i]);
  }
  for (size_t at = 0; at < rows_.size(); at += kRowsPerBlock) {
    size_t count = std::min(kRowsPerBlock, rows_.size() - at);
    add(kIndexRows, index_rows_body(&rows_[at], count));
    add(kIndexFacts, index_facts_body(&rows_[at], count));
  }
  for (const auto& [uid, suffix] : suffixes_) add(kIndexSuffix, index_suffix_body(uid, suffix));
  if (!expunges_.empty())
    add(kIndexExpunges, index_expunges_body(expunges_.data(), expunges_.size()));
  if (stub_.size != 0) add(kIndexStub, index_stub_body(stub_));
  add(kIndexMark,
      index_mark_body({uid_validity_, uid_next_, highest_modseq_, expunges_from_, guid_}));
  add(kIndexFolder, index_folder_body(folder_));
  if (closed_) add(kIndexClosed, {});
  return text;
}

// Writes the whole state into a new file, renamed over the old one while its lock is held.
void FolderIndex::fold() {
  pending_.clear();
  must_fold_ = false;
  if (access_.in_memory) return;
  OpenIndexes::Use use(*this);
  compact_texts();
  std::string text = folded();
  std::string beside = format("{}.{}", file_path(), base::random_hex(8));
  Fd fd(::open(beside.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, access_.mode));
  if (!fd) return give_up("create");
  bool good = static_cast<bool>(base::write_all(fd.get(), text));
  struct stat st {};
  if (good) good = fstat(fd.get(), &st) == 0;
  if (good) {
    auto held = base::try_ofd_lock(fd.get(), base::LockKind::exclusive);
    good = held && *held && ::rename(beside.c_str(), file_path().c_str()) == 0;
  }
  if (!good) {
    int error = errno;
    unlink(beside.c_str());
    errno = error;
    return give_up("write");
  }
  fd_ = std::move(fd);
  inode_ = st.st_ino;
  offset_ = folded_size_ = text.size();
}

}  // namespace dovetail::mda
