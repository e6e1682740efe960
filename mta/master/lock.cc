// SPDX-License-Identifier: Apache-2.0
#include "mta/master/lock.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "common/base/lock.h"
#include "common/base/text.h"

namespace dovetail::mta {

using base::Fd;
using base::LockKind;

namespace {

std::string pid_path(const std::string& queue_directory) {
  return queue_directory + "/pid/master.pid";
}

// The incumbent's words for a lock that somebody else holds.
Error lock_refused(const std::string& name) {
  return errno_error(format("open lock file {}: unable to set exclusive lock", name), EAGAIN);
}

Result<Fd> lock_file(const std::string& path, const std::string& name) {
  int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd < 0) return errno_error(format("open lock file {}: cannot open file", name), errno);
  Fd file(fd);
  auto locked = base::try_flock(fd, LockKind::exclusive);
  if (!locked) return locked.error().wrap("open lock file " + name);
  if (!*locked) return lock_refused(name);
  return file;
}

// The incumbent opens this file as mail_owner, whose directory it is in: left to root, it could not start again after
// us. A file with another link could be somebody else's and keeps its owner.
void give_to_directory_owner(int fd, const std::string& directory) {
  struct stat file {
  }, owner{};
  if (geteuid() != 0 || fstat(fd, &file) != 0 || stat(directory.c_str(), &owner) != 0) return;
  if (S_ISREG(file.st_mode) && file.st_nlink == 1 && file.st_uid == 0)
    (void)!fchown(fd, owner.st_uid, owner.st_gid);
}

}  // namespace

std::optional<pid_t> MasterLock::read_pid(const std::string& queue_directory) {
  auto text = base::read_file(pid_path(queue_directory), 4096);
  if (!text) return std::nullopt;
  return base::parse_number<pid_t>(base::trim(*text));
}

bool MasterLock::is_held(const std::string& queue_directory) {
  for (auto& path : {pid_path(queue_directory), queue_directory}) {
    Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) continue;
    auto locked = base::try_flock(file.get(), LockKind::exclusive);
    if (locked && !*locked) return true;
  }
  return false;
}

Result<MasterLock> MasterLock::take(const std::string& queue_directory,
                                    const std::string& data_directory, std::string& holder) {
  MasterLock lock;
  auto held_by = [&] {
    auto pid = read_pid(queue_directory);
    holder = pid ? format("the lock is held by process {}", *pid)
                 : "the lock's holder left no process ID";
  };
  auto pid_file = lock_file(pid_path(queue_directory), "pid/master.pid");
  if (!pid_file) return held_by(), pid_file.error();
  lock.pid_file_ = std::move(*pid_file);
  auto data = data_directory + "/master.lock";
  auto data_lock = lock_file(data, data);
  if (!data_lock) return held_by(), data_lock.error();
  lock.data_lock_ = std::move(*data_lock);
  give_to_directory_owner(lock.data_lock_.get(), data_directory);
  auto queue = base::open_file(queue_directory, O_RDONLY | O_DIRECTORY);
  if (!queue) return queue.error();
  auto locked = base::try_flock(queue->get(), LockKind::exclusive);
  if (!locked) return locked.error().wrap(queue_directory);
  if (!*locked) return held_by(), lock_refused(queue_directory);
  lock.queue_ = std::move(*queue);
  return lock;
}

Result<void> MasterLock::write_pid() {
  auto text = format("{:32}\n", ::getpid());
  if (::ftruncate(pid_file_.get(), 0) != 0) return errno_error("truncate pid/master.pid", errno);
  ::lseek(pid_file_.get(), 0, SEEK_SET);
  auto written = base::write_all(pid_file_.get(), text);
  if (!written) return written.error().wrap("write pid/master.pid");
  return {};
}

}  // namespace dovetail::mta
