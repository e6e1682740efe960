// SPDX-License-Identifier: Apache-2.0
#include "mta/qmgr/queue_work.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "common/base/clock.h"
#include "common/base/lock.h"

namespace dovetail::mta {

Loaded load_message(const QueueDirectories& directories, const std::string& queue_id,
                    const ReadOptions& options) {
  Loaded loaded;
  auto fd = directories.open("active", queue_id, O_RDWR);
  if (!fd) {
    loaded.message = fd.error();
    return loaded;
  }
  if (!*fd) {
    loaded.message = temporary("queue file has gone");
    return loaded;
  }
  auto lock = base::try_flock((*fd)->get(), base::LockKind::exclusive);
  if (!lock) {
    loaded.message = lock.error();
    return loaded;
  }
  loaded.locked = *lock;
  if (loaded.locked) loaded.message = read_envelope((*fd)->get(), options);
  return loaded;
}

void take_message(const QueueDirectories& directories, const std::string& queue, bool ignore_time,
                  const ReadOptions& options, Taken& taken) {
  struct stat st {};
  if (::stat(directories.path(queue, taken.queue_id).c_str(), &st) != 0) return;
  auto bits = st.st_mode & 0777;
  taken.corrupt = bits == 0400;
  taken.unthrottle = bits & 0040;
  taken.expire = bits & 0010;
  bool complete = (bits & 0700) == 0700 || taken.corrupt;
  bool marked = ignore_time || taken.unthrottle || taken.expire;
  taken.due = complete && (marked || st.st_mtime <= base::wall_now().seconds);
  if (!taken.due) return;
  taken.moved = directories.rename(taken.queue_id, queue, "active");
  if (taken.moved && !taken.corrupt)
    taken.loaded = load_message(directories, taken.queue_id, options);
}

void end_message(const QueueDirectories& directories, Ending& ending) {
  ending.bounce_log = base::file_exists(directories.path("bounce", ending.queue_id));
  ending.trace_log = base::file_exists(directories.path("trace", ending.queue_id));
  if (!ending.all_done || ending.bounce_log || ending.trace_log) return;
  ending.done = remove_queue_file(directories, ending.queue_id);
  ending.removed = true;
}

Result<void> remove_queue_file(const QueueDirectories& directories, const std::string& queue_id) {
  auto defer_log = directories.remove("defer", queue_id);
  if (!defer_log) return defer_log.error();
  auto removed = directories.remove("active", queue_id);
  if (!removed) return removed.error();
  return {};
}

}  // namespace dovetail::mta
