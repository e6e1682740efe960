// SPDX-License-Identifier: Apache-2.0
#include "common/base/lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

namespace dovetail::base {

Result<bool> try_flock(int fd, LockKind kind) {
  int what = (kind == LockKind::shared ? LOCK_SH : LOCK_EX) | LOCK_NB;
  while (::flock(fd, what) != 0) {
    if (errno == EWOULDBLOCK) return false;
    if (errno != EINTR) return errno_error("flock", errno);
  }
  return true;
}

static struct flock whole_file(short type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

static Result<bool> try_set(int fd, int command, LockKind kind) {
  auto lock = whole_file(kind == LockKind::shared ? F_RDLCK : F_WRLCK);
  while (::fcntl(fd, command, &lock) != 0) {
    if (errno == EAGAIN || errno == EACCES) return false;
    if (errno != EINTR) return errno_error("fcntl lock", errno);
  }
  return true;
}

Result<bool> try_ofd_lock(int fd, LockKind kind) {
  return try_set(fd, F_OFD_SETLK, kind);
}

Result<void> ofd_unlock(int fd) {
  auto lock = whole_file(F_UNLCK);
  if (::fcntl(fd, F_OFD_SETLK, &lock) != 0) return errno_error("fcntl unlock", errno);
  return {};
}

Result<bool> try_fcntl_lock(int fd, LockKind kind) {
  return try_set(fd, F_SETLK, kind);
}

std::optional<pid_t> fcntl_lock_holder(int fd) {
  auto lock = whole_file(F_WRLCK);
  if (::fcntl(fd, F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK || lock.l_pid <= 0)
    return std::nullopt;
  return lock.l_pid;
}

}  // namespace dovetail::base
