// See dotlock.h.
// SPDX-License-Identifier: Apache-2.0
#include "mda/storage/maildir/dotlock.h"

#include <csignal>
#include <unistd.h>

#include <cerrno>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/text.h"

namespace dovetail::mda {

namespace {

constexpr int64_t kStaleSeconds = 120;

// Is the lock file left behind by someone who is gone?
bool dotlock_is_stale(const std::string& lock, std::string_view hostname) {
  struct stat st {};
  if (lstat(lock.c_str(), &st) != 0) return false;
  if (base::wall_now().seconds - st.st_mtime > kStaleSeconds) return true;
  auto text = base::read_file(lock, 1024);
  if (!text) return false;
  auto [pid_text, host] = base::cut(*text, ':');
  auto pid = base::parse_number<pid_t>(pid_text);
  if (!pid || !host || *host != hostname) return false;
  return *pid != getpid() && kill(*pid, 0) != 0 && errno == ESRCH;
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

bool Dotlock::still_ours() const {
  struct stat st {};
  return !path_.empty() && lstat(path_.c_str(), &st) == 0 && st.st_ino == inode_;
}

void Dotlock::release() {
  if (path_.empty()) return;
  if (still_ours()) unlink(path_.c_str());
  path_.clear();
}

}  // namespace dovetail::mda
