// Reading, appending to and rewriting dovecot-uidlist; see uidlist.h.
// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "common/base/text.h"
#include "mda/message/file_bytes.h"
#include "mda/storage/maildir/uidlist.h"

namespace dovetail::mda {

namespace {

constexpr size_t kHeaderRoom = 1024;  // longer headers do not happen
constexpr size_t kTailRoom = 4096;    // longer than any line: names have at most 255 octets

bool same_time(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

}  // namespace

void Uidlist::parse_lines(std::string_view text, std::vector<UidlistEntry>& entries) {
  while (!text.empty()) {
    size_t end = text.find('\n');
    if (end == std::string_view::npos) {
      torn_ = true;  // being written, or left by a crash: not ours to judge yet
      return;
    }
    auto entry = parse_uidlist_line(text.substr(0, end), header_.version);
    text.remove_prefix(end + 1);
    offset_ += end + 1;
    ++lines_;
    // Uids grow strictly; a line that does not is damage and is left out, its file gets a new uid.
    if (!entry || entry->uid <= last_uid_) continue;
    last_uid_ = entry->uid;
    entries.push_back(std::move(*entry));
  }
}

Result<Uidlist::Read> Uidlist::read_whole(Fd fd, const struct stat& st) {
  Read read;
  read.replaced = true;
  auto text = base::read_all(fd.get());
  if (!text) return text.error().wrap(path_);
  inode_ = st.st_ino;
  mtime_ = st.st_mtim;
  lines_ = 0;
  last_uid_ = 0;
  torn_ = false;
  size_t end = text->find('\n');
  auto header = parse_uidlist_header(std::string_view(*text).substr(0, end));
  if (!header || end == std::string::npos) {
    read.broken = true;
    read.problem = format("Broken file {} line 1: Corrupted header {}", path_,
                          header ? "(no line end)" : header.error().text);
    inode_ = 0;
    return read;
  }
  header_ = std::move(*header);
  offset_ = end + 1;
  parse_lines(std::string_view(*text).substr(end + 1), read.entries);
  return read;
}

Result<Uidlist::Read> Uidlist::refresh() {
  Fd fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) {
    if (errno != ENOENT && errno != ENOTDIR) return errno_error("open " + path_, errno);
    Read read;
    read.missing = true;
    read.replaced = inode_ != 0;
    inode_ = 0;
    return read;
  }
  struct stat st {};
  if (fstat(fd.get(), &st) != 0) return errno_error("fstat " + path_, errno);
  uint64_t size = static_cast<uint64_t>(st.st_size);
  if (st.st_ino != inode_ || size < offset_) return read_whole(std::move(fd), st);
  if (size == offset_ && !same_time(mtime_, st.st_mtim) && !torn_ && offset_ > 0) {
    return read_whole(std::move(fd), st);  // edited in place by hand
  }
  Read read;
  mtime_ = st.st_mtim;
  torn_ = false;
  if (size == offset_) return read;
  auto text = read_bytes_at(fd.get(), offset_, size - offset_);
  if (!text) return text.error().wrap(path_);
  parse_lines(*text, read.entries);
  return read;
}

Result<bool> Uidlist::try_lock() {
  if (lock_) return true;
  auto lock = Dotlock::try_link(path_, hostname_);
  if (!lock) return lock.error();
  if (!*lock) return false;
  lock_.emplace(std::move(**lock));
  return true;
}

Result<void> Uidlist::append(const std::vector<UidlistEntry>& entries) {
  std::string text;
  for (const UidlistEntry& entry : entries) text += format_uidlist_line(entry);
  auto fd = base::open_file(path_, O_WRONLY | O_APPEND);
  if (!fd) return fd.error();
  // We hold the lock: half a line was left by a crash, and would swallow the next one.
  if (torn_ && ftruncate(fd->get(), static_cast<off_t>(offset_)) != 0) {
    return errno_error("truncate " + path_, errno);
  }
  torn_ = false;
  auto written = base::write_all(fd->get(), text);
  if (!written) {
    // Half a line would damage the next one.
    if (ftruncate(fd->get(), static_cast<off_t>(offset_)) != 0) torn_ = true;
    return written.error().wrap(path_);
  }
  struct stat st {};
  if (fstat(fd->get(), &st) == 0) mtime_ = st.st_mtim;
  offset_ += text.size();
  lines_ += entries.size();
  if (!entries.empty()) last_uid_ = std::max(last_uid_, entries.back().uid);
  return {};
}

Result<void> Uidlist::rewrite(const UidlistHeader& header,
                              const std::vector<UidlistEntry>& entries) {
  UidlistHeader written_header = header;
  written_header.version = 3;
  std::string text = format_uidlist_header(written_header);
  Uid last = 0;
  for (const UidlistEntry& entry : entries) {
    text += format_uidlist_line(entry);
    last = std::max(last, entry.uid);
  }
  std::string beside = path_ + ".tmp";
  auto fd = base::open_file(beside, O_WRONLY | O_CREAT | O_TRUNC, access_.mode);
  if (!fd) return fd.error();
  fchmod(fd->get(), access_.mode);
  if (access_.group != static_cast<gid_t>(-1)) {
    if (fchown(fd->get(), static_cast<uid_t>(-1), access_.group) != 0)
      fchmod(fd->get(), access_.mode & 0700);
  }
  auto done = base::write_all(fd->get(), text);
  if (done) done = base::sync_file(fd->get());
  struct stat st {};
  if (done && fstat(fd->get(), &st) != 0) done = errno_error("fstat", errno);
  if (done && ::rename(beside.c_str(), path_.c_str()) != 0) done = errno_error("rename", errno);
  if (!done) {
    unlink(beside.c_str());
    return done.error().wrap(path_);
  }
  header_ = std::move(written_header);
  inode_ = st.st_ino;
  mtime_ = st.st_mtim;
  offset_ = text.size();
  lines_ = entries.size();
  last_uid_ = last;
  torn_ = false;
  return {};
}

Result<std::optional<Uid>> Uidlist::append_new(const std::vector<UidlistEntry>& entries,
                                               uint32_t& uid_validity) {
  const std::optional<Uid> none;
  Fd fd(::open(path_.c_str(), O_RDWR | O_APPEND | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOENT) return none;
    return errno_error("open " + path_, errno);
  }
  struct stat st {};
  if (fstat(fd.get(), &st) != 0) return errno_error("fstat " + path_, errno);
  auto size = static_cast<uint64_t>(st.st_size);
  auto head = read_bytes_at(fd.get(), 0, std::min<uint64_t>(size, kHeaderRoom));
  if (!head) return head.error();
  size_t end = head->find('\n');
  auto header = parse_uidlist_header(std::string_view(*head).substr(0, end));
  if (end == std::string::npos || !header || header->version != 3) return none;
  Uid next = header->next_uid;
  if (size > end + 1) {
    uint64_t room = std::min<uint64_t>(size - end - 1, kTailRoom);
    auto tail = read_bytes_at(fd.get(), size - room, room);
    if (!tail || tail->empty() || tail->back() != '\n') return none;
    tail->pop_back();
    auto last = parse_uidlist_line(std::string_view(*tail).substr(tail->rfind('\n') + 1), 3);
    if (!last) return none;
    next = std::max(next, last->uid + 1);
  }
  uid_validity = header->uid_validity;
  if (uid_validity == header_.uid_validity) next = std::max(next, next_uid());
  std::string text;
  for (size_t i = 0; i < entries.size(); ++i) {
    UidlistEntry entry = entries[i];
    entry.uid = next + static_cast<Uid>(i);
    text += format_uidlist_line(entry);
  }
  auto written = base::write_all(fd.get(), text);
  if (!written) {
    if (ftruncate(fd.get(), static_cast<off_t>(size)) != 0) torn_ = true;
    return written.error().wrap(path_);
  }
  return std::optional<Uid>(next);
}

}  // namespace dovetail::mda
