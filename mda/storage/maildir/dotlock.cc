// See dotlock.h.
// SPDX-License-Identifier: Apache-2.0
#include "mda/storage/maildir/dotlock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/lock.h"
#include "common/base/text.h"

namespace dovetail::mda {

namespace {

constexpr int64_t kStaleSeconds = 120;
// Between link() and the check that the right file was linked, somebody's lock may look abandoned.
constexpr int64_t kLinkSettles = 3;

// Is the lock file left behind by someone who is gone? `ours`: the inode whose flock the caller has.
bool dotlock_is_stale(const std::string& lock, std::string_view hostname, uint64_t ours = 0) {
  Fd fd(::open(lock.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  struct stat st {};
  std::string text(256, '\0');
  if (!fd || fstat(fd.get(), &st) != 0) return false;
  ssize_t got = pread(fd.get(), text.data(), text.size(), 0);
  text.resize(got > 0 ? static_cast<size_t>(got) : 0);
  auto now = base::wall_now().seconds;
  if (now - std::max(st.st_mtim.tv_sec, st.st_ctim.tv_sec) > kStaleSeconds) return true;
  auto [pid_text, host] = base::cut(text, ':');
  auto pid = base::parse_number<pid_t>(pid_text);
  if (pid) return host == hostname && *pid != getpid() && kill(*pid, 0) != 0 && errno == ESRCH;
  if (text.empty() || now - st.st_ctim.tv_sec < kLinkSettles) return false;
  if (st.st_ino == ours) return true;
  auto free = base::try_flock(fd.get(), base::LockKind::exclusive);
  return free && *free;
}

}  // namespace

Result<std::optional<Dotlock>> Dotlock::try_lock(const std::string& path,
                                                 std::string_view hostname) {
  std::string lock = path + ".lock";
  for (int round = 0; round < 2; ++round) {
    int raw = ::open(lock.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (raw >= 0) {
      Fd fd(raw);
      Dotlock held(lock);
      struct stat st {};
      if (fstat(fd.get(), &st) == 0) held.inode_ = st.st_ino;
      auto written = base::write_all(fd.get(), format("{}:{}", getpid(), hostname));
      if (!written) return written.error().wrap(lock);
      return std::optional<Dotlock>(std::move(held));
    }
    if (errno != EEXIST) return errno_error("create " + lock, errno);
    if (round > 0 || !dotlock_is_stale(lock, hostname)) break;
    unlink(lock.c_str());
  }
  return std::optional<Dotlock>();
}

Result<std::optional<Dotlock>> Dotlock::try_link(const std::string& path,
                                                 std::string_view hostname) {
  std::string lock = path + ".lock";
  for (int round = 0; round < 2; ++round) {
    Fd file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!file) break;
    auto ours = base::try_flock(file.get(), base::LockKind::exclusive);
    if (!ours) break;
    if (!*ours) return std::optional<Dotlock>();
    struct stat st {};
    if (fstat(file.get(), &st) != 0) break;
    if (::link(path.c_str(), lock.c_str()) == 0) {
      Dotlock held(lock);
      held.inode_ = st.st_ino;
      held.file_ = std::move(file);
      if (held.still_ours()) return std::optional<Dotlock>(std::move(held));
      // The file was replaced after it was opened, and the lock is on its successor.
      unlink(lock.c_str());
      held.path_.clear();
      continue;
    }
    if (errno != EEXIST) break;
    if (round > 0 || !dotlock_is_stale(lock, hostname, st.st_ino)) return std::optional<Dotlock>();
    unlink(lock.c_str());
  }
  // No such file yet, or a file system without hard links or locks.
  return try_lock(path, hostname);
}

bool Dotlock::still_ours() const {
  struct stat st {};
  return !path_.empty() && lstat(path_.c_str(), &st) == 0 && st.st_ino == inode_;
}

void Dotlock::release() {
  if (path_.empty()) return;
  if (still_ours()) unlink(path_.c_str());
  path_.clear();
  file_.reset();
}

}  // namespace dovetail::mda
