// Appends one message to an mbox: locks as mailbox_delivery_lock says, nothing of a message that does not fit or whose
// front died is left behind. Manual: local(8), MAILBOX DELIVERY.
// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "common/base/lock.h"
#include "common/base/text.h"
#include "mta/local/message_pieces.h"
#include "mta/local/worker.h"

namespace dovetail::mta {

namespace {

// PATH.lock, made with O_EXCL; an old one that nobody tends is removed.
class LockFile {
 public:
  ~LockFile() {
    if (held_) ::unlink(path_.c_str());
  }
  // errno, 0: held.
  int take(const Job& job) {
    path_ = job.path + ".lock";
    for (int attempt = 0;; ++attempt) {
      auto made = base::open_file(path_, O_WRONLY | O_CREAT | O_EXCL, 0444);
      if (made) {
        held_ = true;
        return 0;
      }
      int code = errno;
      if (code != EEXIST) return code;
      struct stat st;
      if (::stat(path_.c_str(), &st) == 0 && ::time(nullptr) - st.st_mtime > job.stale_lock) {
        ::unlink(path_.c_str());
        continue;
      }
      if (attempt + 1 >= job.lock_attempts) return EAGAIN;
      ::sleep(static_cast<unsigned>(job.lock_delay));
    }
  }

 private:
  std::string path_;
  bool held_ = false;
};

bool wants_lock(const Job& job, std::string_view word) {
  for (auto lock : base::words(job.locks, ", \t\r\n")) {
    if (lock == word) return true;
  }
  return false;
}

// errno, 0: all kernel locks are held until the descriptor closes.
int take_kernel_locks(const Job& job, int fd) {
  for (int attempt = 0;; ++attempt) {
    bool free = true;
    if (wants_lock(job, "fcntl")) {
      auto got = base::try_fcntl_lock(fd, base::LockKind::exclusive);
      if (!got) return errno ? errno : EAGAIN;
      free = *got;
    }
    if (free && wants_lock(job, "flock")) {
      auto got = base::try_flock(fd, base::LockKind::exclusive);
      if (!got) return errno ? errno : EAGAIN;
      free = *got;
    }
    if (free) return 0;
    if (attempt + 1 >= job.lock_attempts) return EAGAIN;
    ::sleep(static_cast<unsigned>(job.lock_delay));
  }
}

JobResult mbox_failure(int code, std::string words) {
  JobResult result;
  result.failure = {std::string(mailbox_fault(code)), format("{}: {}", words, std::strerror(code))};
  result.system = std::strerror(code);
  return result;
}

JobResult copy_to_mbox(const Job& job, MessagePieces& message, int fd, off_t before) {
  off_t size = before;
  int code = 0;
  for (auto piece = message.next(); !piece.empty(); piece = message.next()) {
    size += static_cast<off_t>(piece.size());
    if (job.size_limit > 0 && size > job.size_limit) code = EFBIG;
    if (code == 0 && !base::write_all(fd, piece)) code = errno;
    if (code != 0) break;
  }
  if (code == 0 && message.complete() && ::fsync(fd) != 0) code = errno;
  if (code == 0 && message.complete()) {
    JobResult done;
    done.done = true;
    return done;
  }
  if (S_ISREG([&] {
        struct stat st {};
        ::fstat(fd, &st);
        return st.st_mode;
      }()) &&
      ::ftruncate(fd, before) != 0) {
    // What was written stays; the reader sees a message cut short.
  }
  if (code == 0) code = EINTR;  // the front died
  return mbox_failure(code, "error writing message");
}

}  // namespace

JobResult append_mbox(const Job& job, MessagePieces& message, gid_t spool_group, Fd opened) {
  bool given = bool(opened);
  // Mailboxes of virtual users may lie in directories nobody has made yet.
  if (job.lock_file_optional &&
      !base::make_directories(std::string(base::dirname(job.path)), 0700)) {
    // Whether it is there after all, the open below will say.
  }
  LockFile lock_file;
  if (wants_lock(job, "dotlock")) {
    int code = lock_file.take(job);
    // Nor can a user make them in a spool that only root may write.
    bool may_lack =
        (job.lock_file_optional || (job.in_spool && spool_group == static_cast<gid_t>(-1))) &&
        (code == EACCES || code == EPERM || code == EROFS || code == ENOENT);
    if (code != 0 && !may_lack)
      return mbox_failure(code, format("unable to create lock file {}.lock", job.path));
  }
  // O_CREAT and O_EXCL apart: whoever makes the file also gives it its group, and a link in the spool is not followed.
  int no_links = job.in_spool ? O_NOFOLLOW : 0;
  bool made = false;
  Result<Fd> fd = std::move(opened);
  if (!given) fd = base::open_file(job.path, O_WRONLY | O_APPEND | no_links);
  if (!fd && errno == ENOENT) {
    fd = base::open_file(job.path, O_WRONLY | O_APPEND | O_CREAT | O_EXCL, 0600);
    made = bool(fd);
  }
  if (!fd) return mbox_failure(errno, "cannot open file");
  if (made && spool_group != static_cast<gid_t>(-1))
    (void)!::fchown(fd->get(), static_cast<uid_t>(-1), spool_group);
  struct stat st;
  if (::fstat(fd->get(), &st) != 0) return mbox_failure(errno, "cannot stat file");
  JobResult refused;
  if (S_ISREG(st.st_mode) && (st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) && !job.in_spool) {
    refused.failure = {"5.7.1", format("file {} is executable", job.path)};
    return refused;
  }
  if (S_ISREG(st.st_mode) && st.st_nlink > 1 && job.in_spool) {
    refused.failure = {"5.2.0", format("file {} has multiple links", job.path)};
    return refused;
  }
  if (job.in_spool && !given && job.strict_ownership && st.st_uid != ::getuid()) {
    refused.failure = {"4.2.0", "destination is not owned by recipient"};
    return refused;
  }
  if (!S_ISREG(st.st_mode)) return copy_to_mbox(job, message, fd->get(), 0);  // /dev/null, a fifo
  int code = take_kernel_locks(job, fd->get());
  if (code != 0) return mbox_failure(code, "unable to lock for exclusive access");
  off_t end = ::lseek(fd->get(), 0, SEEK_END);
  if (end < 0) return mbox_failure(errno, "cannot seek to end of file");
  return copy_to_mbox(job, message, fd->get(), end);
}

}  // namespace dovetail::mta
