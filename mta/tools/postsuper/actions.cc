// SPDX-License-Identifier: Apache-2.0
#include "mta/tools/postsuper/actions.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/mail/queue_id.h"

namespace dovetail::mta {

namespace {

constexpr std::string_view kLogQueues[] = {"bounce", "defer", "trace"};
constexpr mode_t kForcedExpire = S_IXGRP;  // the incumbent's mark
constexpr int64_t kTemporaryFileAge = 7 * 86400;
constexpr size_t kShortIdTime = 5;  // hexadecimal microseconds in front of the inode

}  // namespace

const std::vector<std::string_view>& super_queues() {
  static const std::vector<std::string_view> queues = {
      "maildrop", "incoming", "active", "deferred", "hold", "bounce", "defer", "trace", "flush"};
  return queues;
}

bool is_log_queue(std::string_view queue) {
  return queue == "flush" ||
         std::find(std::begin(kLogQueues), std::end(kLogQueues), queue) != std::end(kLogQueues);
}

std::vector<std::string_view> SuperActions::queues_for(SuperAction action) const {
  if (!queues_.empty()) return {queues_.begin(), queues_.end()};
  switch (action) {
    case SuperAction::hold:
      return {"incoming", "active", "deferred"};
    case SuperAction::release:
      return {"hold"};
    default:
      return {"incoming", "active", "deferred", "hold"};
  }
}

bool SuperActions::move(std::string_view queue_id, std::string_view from, std::string_view to) {
  if (from == to || !base::file_exists(directories_.path(from, queue_id))) return false;
  // What smtpd, pickup or cleanup still write belongs to them: moved away, it would be neither kept nor given up.
  struct stat status {};
  if (from == "incoming" && stat(directories_.path(from, queue_id).c_str(), &status) == 0 &&
      !(status.st_mode & S_IXUSR))
    return false;
  auto moved = directories_.rename(queue_id, from, to);
  // The queue manager may have been faster.
  if (!moved && base::file_exists(directories_.path(from, queue_id)))
    log_.warning("{}", moved.error().text);
  return static_cast<bool>(moved);
}

bool SuperActions::remove(std::string_view queue, std::string_view queue_id) {
  if (!base::file_exists(directories_.path(queue, queue_id))) return false;
  // The logs first: a message without them is only tried again, logs without a message would stay for ever.
  for (std::string_view log : kLogQueues) (void)directories_.remove(log, queue_id).operator bool();
  auto removed = directories_.remove(queue, queue_id);
  if (!removed) log_.warning("{}", removed.error().text);
  return removed && *removed;
}

bool SuperActions::mark_expired(std::string_view queue, std::string_view queue_id) {
  std::string path = directories_.path(queue, queue_id);
  struct stat status {};
  if (stat(path.c_str(), &status) != 0 || (status.st_mode & kForcedExpire)) return false;
  if (chmod(path.c_str(), (status.st_mode & 07777) | kForcedExpire) == 0) return true;
  log_.warning("expire: chmod {}: {}", path, strerror(errno));
  return false;
}

bool SuperActions::act(SuperAction action, std::string_view queue, std::string_view queue_id,
                       bool tell) {
  auto done = [&](bool success, unsigned& count, std::string_view what) {
    if (!success) return false;
    ++count;
    if (tell) log_.info("{}: {}", queue_id, what);
    return true;
  };
  switch (action) {
    case SuperAction::remove:
      return done(remove(queue, queue_id), counts_.removed, "removed");
    case SuperAction::requeue:
      return done(move(queue_id, queue, "maildrop"), counts_.requeued, "requeued");
    case SuperAction::hold:
      return done(move(queue_id, queue, "hold"), counts_.held, "placed on hold");
    case SuperAction::release:
      return queue == "hold" &&
             done(move(queue_id, queue, "deferred"), counts_.released, "released from hold");
    case SuperAction::expire:
      return done(mark_expired(queue, queue_id), counts_.expired, "expired");
    case SuperAction::expire_and_release: {
      bool expired = done(mark_expired(queue, queue_id), counts_.expired, "expired");
      bool released = act(SuperAction::release, queue, queue_id, tell);
      return expired || released;
    }
  }
  return false;
}

void SuperActions::one(SuperAction action, std::string_view queue_id) {
  if (!mail::is_queue_id(queue_id))
    return log_.warning("invalid mail queue id: {}", base::printable(queue_id));
  // A running mail system moves files from queue to queue: what was missed by one pass is seen by the next.
  for (int pass = 0; pass < 2; ++pass) {
    for (std::string_view queue : queues_for(action)) {
      if (!is_log_queue(queue) && act(action, queue, queue_id, true)) return;
    }
  }
}

void SuperActions::all(SuperAction action) {
  for (std::string_view queue : queues_for(action)) {
    auto ids = directories_.list(queue);
    if (!ids) {
      log_.warning("{}", ids.error().text);
      continue;
    }
    for (const std::string& id : *ids) {
      if (!is_log_queue(queue)) act(action, queue, id, false);
    }
  }
}

Result<void> StructureCheck::run(const QueueDirectories& directories, std::string_view queue,
                                 const Logger& log) {
  return scan(directories, queue, directories.root() + std::string(queue), log);
}

Result<void> StructureCheck::scan(const QueueDirectories& directories, std::string_view queue,
                                  const std::string& path, const Logger& log) {
  DIR* directory = opendir(path.c_str());
  if (!directory) return errno_error("scan_dir_push: open directory " + path, errno);
  // Read whole before anything is renamed in it.
  std::vector<std::string> names;
  while (const dirent* entry = readdir(directory)) names.emplace_back(entry->d_name);
  closedir(directory);
  for (const std::string& name : names) {
    if (name == "." || name == "..") continue;
    // Hash directories have names of one character, queue files never.
    auto done = name.size() == 1 ? scan(directories, queue, path + '/' + name, log)
                                 : look_at(directories, queue, path + '/' + name, log);
    if (!done) return done;
  }
  return {};
}

Result<void> StructureCheck::look_at(const QueueDirectories& directories, std::string_view queue,
                                     const std::string& path, const Logger& log) {
  std::string name(base::basename(path));
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) return {};
  if (!mail::is_queue_id(name)) {
    bool temporary = name.find_first_not_of("0123456789.") == std::string::npos;
    bool old = status.st_mtime + kTemporaryFileAge < base::wall_now().seconds;
    if (temporary && old && purge && unlink(path.c_str()) != 0)
      log.warning("remove {}: {}", path, strerror(errno));
    if (!temporary && queue != "flush") log.warning("bogus file name: {}", path);
    return {};
  }
  if (!structure || queue == "flush") return {};
  std::string id = name;
  if (!is_log_queue(queue) && !mail::is_long_queue_id(name) && name.size() > kShortIdTime) {
    id = name.substr(0, kShortIdTime) + format("{:X}", static_cast<unsigned long>(status.st_ino));
  }
  if (id != name) {
    // The logs follow before the message: it is not delivered under its new name without them.
    for (std::string_view logs : kLogQueues) {
      std::string log_path = directories.path(logs, name);
      if (base::file_exists(log_path))
        (void)directories.rename_path(log_path, id, logs).operator bool();
    }
    ++renamed;
  }
  if (directories.path(queue, id) != path) return directories.rename_path(path, id, queue);
  return {};
}

}  // namespace dovetail::mta
