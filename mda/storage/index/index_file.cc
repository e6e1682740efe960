// Loading, locking, appending to and folding the index file; see folder_index.h.
// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "common/base/clock.h"
#include "common/base/lock.h"
#include "common/base/random.h"
#include "common/base/text.h"
#include "mda/message/file_bytes.h"
#include "mda/storage/index/blocks.h"
#include "mda/storage/index/index_types.h"

namespace dovetail::mda {

namespace {

constexpr std::string_view kIndexMagic = "dovetail index 1\n";
constexpr size_t kIndexHead = 17 + 36;  // magic, boot id
constexpr size_t kRowsPerBlock = 4096;
constexpr uint64_t kFoldRoom = 256 << 10;

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

std::string index_rows_body(const IndexRow* rows, size_t count) {
  std::string body;
  put_number<uint32_t>(body, static_cast<uint32_t>(count));
  for (size_t i = 0; i < count; ++i) put_number<uint32_t>(body, rows[i].uid);
  for (size_t i = 0; i < count; ++i) put_number<uint8_t>(body, rows[i].flags);
  for (size_t i = 0; i < count; ++i) put_number<uint64_t>(body, rows[i].keywords);
  for (size_t i = 0; i < count; ++i) put_number<uint64_t>(body, rows[i].modseq);
  return body;
}

std::string index_facts_body(const IndexRow* rows, size_t count) {
  std::string body;
  put_number<uint32_t>(body, static_cast<uint32_t>(count));
  for (size_t i = 0; i < count; ++i) put_number<uint32_t>(body, rows[i].uid);
  for (size_t i = 0; i < count; ++i) put_number<uint64_t>(body, rows[i].virtual_size);
  for (size_t i = 0; i < count; ++i) put_number<uint64_t>(body, rows[i].physical_size);
  for (size_t i = 0; i < count; ++i) put_number<int64_t>(body, rows[i].internal_date);
  for (size_t i = 0; i < count; ++i) put_number<int64_t>(body, rows[i].save_date);
  for (size_t i = 0; i < count; ++i) put_number<uint64_t>(body, rows[i].text_offset);
  return body;
}

std::string index_expunges_body(const Expunged* expunges, size_t count) {
  std::string body;
  put_number<uint32_t>(body, static_cast<uint32_t>(count));
  for (size_t i = 0; i < count; ++i) put_number<uint32_t>(body, expunges[i].uid);
  for (size_t i = 0; i < count; ++i) put_number<uint64_t>(body, expunges[i].modseq);
  return body;
}

std::string index_mark_body(uint32_t uid_validity, Uid uid_next, Modseq highest,
                            Modseq expunges_from) {
  std::string body;
  put_number<uint32_t>(body, uid_validity);
  put_number<uint32_t>(body, uid_next);
  put_number<uint64_t>(body, highest);
  put_number<uint64_t>(body, expunges_from);
  return body;
}

void FolderIndex::give_up(std::string_view doing) {
  log_.warning("{}: {}: index is kept in memory", doing, errno_error(file_path(), errno).text);
  access_.in_memory = true;
  fd_.reset();
  cache_.reset();
  locked_ = false;
  pending_.clear();
}

// Takes in blocks; a damaged one ends the index: what it said so far may contradict what is lost.
void FolderIndex::load(std::string_view bytes) {
  while (!bytes.empty()) {
    bool torn = false;
    auto block = read_block(bytes, torn);
    if (!block && torn) return;  // still being written
    if (!block || !apply(block->type, block->body)) {
      log_.error("{}: damaged at offset {}, rebuilding", file_path(), offset_);
      start_empty();
      unlink(file_path().c_str());
      fd_.reset();
      inode_ = offset_ = 0;
      return;
    }
    offset_ += block->length;
    bytes.remove_prefix(block->length);
  }
}

void FolderIndex::refresh() {
  if (access_.in_memory) return;
  struct stat st {};
  if (stat(file_path().c_str(), &st) != 0) {
    if (inode_ != 0) start_empty();  // removed by somebody: begin anew
    inode_ = 0;
    fd_.reset();
    return;
  }
  bool fresh = st.st_ino != inode_ || static_cast<uint64_t>(st.st_size) < offset_;
  if (fresh) {
    Fd opened(::open(file_path().c_str(), O_RDWR | O_CLOEXEC));
    if (!opened) return give_up("open");
    fd_ = std::move(opened);
    if (fstat(fd_.get(), &st) != 0) return give_up("fstat");
    inode_ = st.st_ino;
    offset_ = kIndexHead;
    cache_.reset();
    start_empty();
    highest_modseq_ = 0;
  } else if (static_cast<uint64_t>(st.st_size) == offset_) {
    return;
  }
  uint64_t from = fresh ? 0 : offset_;
  auto bytes = read_bytes_at(fd_.get(), from, static_cast<uint64_t>(st.st_size) - from);
  if (!bytes) return give_up("read");
  if (!fresh) return load(*bytes);
  bool known = bytes->size() >= kIndexHead && bytes->starts_with(kIndexMagic);
  if (known) load(std::string_view(*bytes).substr(kIndexHead));
  folded_size_ = offset_;
  if (!known) {
    log_.error("{}: not an index of this version, rebuilding", file_path());
    start_empty();
    unlink(file_path().c_str());
    fd_.reset();
    inode_ = 0;
  } else if (inode_ != 0 && bytes->substr(kIndexMagic.size(), 36) != this_boot()) {
    // Blocks written shortly before a crash may be lost, but clients have seen their modseqs.
    Modseq least = (static_cast<Modseq>(base::wall_now().seconds) << 20) + 1;
    highest_modseq_ = std::max(highest_modseq_ + 1, least);
    expunges_from_ = highest_modseq_;
    offset_ = UINT64_MAX;  // the next commit folds, with this boot's id
  }
}

bool FolderIndex::try_lock() {
  if (access_.in_memory || locked_) return locked_ = true;
  for (int round = 0; round < 10; ++round) {
    if (!fd_) {
      Fd opened(::open(file_path().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, access_.mode));
      if (!opened) {
        give_up("create");
        return locked_ = true;
      }
      struct stat st {};
      fstat(opened.get(), &st);
      auto held = base::try_ofd_lock(opened.get(), base::LockKind::exclusive);
      if (!held || !*held) return false;
      if (st.st_size == 0) {
        fd_ = std::move(opened);
        inode_ = st.st_ino;
        locked_ = true;
        start_empty();
        fold();
        return true;
      }
      opened.reset();
      refresh();
      if (access_.in_memory) return locked_ = true;
      if (!fd_) continue;
    }
    auto held = base::try_ofd_lock(fd_.get(), base::LockKind::exclusive);
    if (!held || !*held) return false;
    uint64_t inode = inode_;
    bool must_fold = offset_ == UINT64_MAX;
    if (must_fold) {
      struct stat st {};
      if (stat(file_path().c_str(), &st) == 0 && st.st_ino == inode_) {
        locked_ = true;
        fold();
        return true;
      }
      offset_ = 0;
      inode_ = 0;
    }
    refresh();
    if (access_.in_memory) return locked_ = true;
    if (fd_ && inode_ == inode && offset_ != UINT64_MAX) return locked_ = true;
    if (fd_) continue;  // folded by somebody else meanwhile: lock the new file
  }
  return false;
}

void FolderIndex::unlock() {
  if (!locked_) return;
  commit();
  if (fd_ && !access_.in_memory) (void)base::ofd_unlock(fd_.get());
  locked_ = false;
}

void FolderIndex::commit() {
  if (access_.in_memory || pending_.empty()) return;
  if (offset_ > 2 * folded_size_ + kFoldRoom)
    fold();
  else
    write_out();
}

void FolderIndex::write_out() {
  ssize_t n = pwrite(fd_.get(), pending_.data(), pending_.size(), static_cast<off_t>(offset_));
  if (n != static_cast<ssize_t>(pending_.size())) {
    if (n >= 0) errno = ENOSPC;
    if (ftruncate(fd_.get(), static_cast<off_t>(offset_)) != 0) unlink(file_path().c_str());
    return give_up("write");
  }
  offset_ += pending_.size();
  pending_.clear();
}

// Writes the whole state into a new file, renamed over the old one while its lock is held.
void FolderIndex::fold() {
  pending_.clear();
  if (access_.in_memory) return;
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
  if (!expunges_.empty())
    add(kIndexExpunges, index_expunges_body(expunges_.data(), expunges_.size()));
  add(kIndexMark, index_mark_body(uid_validity_, uid_next_, highest_modseq_, expunges_from_));
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
    unlink(beside.c_str());
    return give_up("write");
  }
  fd_ = std::move(fd);
  inode_ = st.st_ino;
  offset_ = folded_size_ = text.size();
}

std::optional<IndexTexts> FolderIndex::texts(const IndexRow& row) {
  if (row.text_offset == 0 || access_.in_memory) return std::nullopt;
  if (!cache_) cache_ = Fd(::open(cache_path().c_str(), O_RDONLY | O_CLOEXEC));
  if (!cache_) return std::nullopt;
  auto bytes = read_bytes_at(cache_.get(), row.text_offset - 1, 4096);
  if (!bytes) return std::nullopt;
  bool torn = false;
  auto block = read_block(*bytes, torn);
  if (!block && torn && bytes->size() >= kBlockHead) {
    NumberReader length(std::string_view(*bytes).substr(8));
    bytes = read_bytes_at(cache_.get(), row.text_offset - 1,
                          kBlockHead + std::min(length.get<uint32_t>(), 1u << 26));
    if (!bytes) return std::nullopt;
    block = read_block(*bytes, torn);
  }
  if (!block || block->type != row.uid) return std::nullopt;
  NumberReader in(block->body);
  uint32_t envelope = in.get<uint32_t>(), body = in.get<uint32_t>();
  IndexTexts texts;
  texts.envelope = std::string(in.text(envelope));
  texts.body = std::string(in.text(body));
  texts.body_structure = std::string(in.text(in.left()));
  if (in.bad()) return std::nullopt;
  return texts;
}

void FolderIndex::put_texts(const std::vector<std::pair<Uid, IndexTexts>>& texts) {
  if (access_.in_memory || texts.empty()) return;
  Fd out(::open(cache_path().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, access_.mode));
  struct stat st {};
  if (!out || fstat(out.get(), &st) != 0) return;
  uint64_t at = static_cast<uint64_t>(st.st_size);
  std::string blocks;
  std::vector<IndexRow> facts;
  for (const auto& [uid, text] : texts) {
    std::string body;
    put_number<uint32_t>(body, static_cast<uint32_t>(text.envelope.size()));
    put_number<uint32_t>(body, static_cast<uint32_t>(text.body.size()));
    body += text.envelope + text.body + text.body_structure;
    IndexRow fact;
    fact.uid = uid;
    fact.text_offset = at + blocks.size() + 1;
    facts.push_back(fact);
    blocks += make_block(uid, body);
  }
  if (base::write_all(out.get(), blocks)) put_facts(facts);
}

}  // namespace dovetail::mda
