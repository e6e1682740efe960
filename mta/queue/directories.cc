// SPDX-License-Identifier: Apache-2.0
#include "mta/queue/directories.h"

#include <dirent.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "common/base/text.h"
#include "common/mail/queue_id.h"

namespace dovetail::mta {

namespace {

// What hash directories are named by: one character of the key each; short keys are filled with '_'.
std::string hash_levels(std::string_view queue_id, int depth) {
  std::string key = mail::queue_id_hash_key(queue_id);
  std::string out;
  for (size_t i = 0; i < static_cast<size_t>(depth); ++i) {
    char c = i < key.size() ? key[i] : '_';
    out += '/';
    out += base::is_alnum(c) ? c : '_';
  }
  return out;
}

Result<void> list_ids(const std::string& directory, int depth, std::vector<std::string>& ids) {
  auto names = base::list_directory(directory);
  if (!names) return names.error();
  for (std::string& name : *names) {
    bool is_level = depth > 0 && name.size() == 1;
    if (is_level) {
      // A file whose name is one character is no queue file either; a level that went away meanwhile is no error.
      (void)list_ids(directory + '/' + name, depth - 1, ids);
    } else if (mail::is_queue_id(name)) {
      ids.push_back(std::move(name));
    }
  }
  return {};
}

}  // namespace

const std::vector<std::string_view>& message_queues() {
  static const std::vector<std::string_view> queues = {"maildrop", "hold", "incoming", "active",
                                                       "deferred"};
  return queues;
}

QueueDirectories::QueueDirectories(std::string root, std::string_view hash_queue_names, int depth)
    : root_(std::move(root)), depth_(depth) {
  if (!root_.empty() && root_.back() != '/') root_ += '/';
  for (std::string_view name : base::words(hash_queue_names, ", \t\r\n")) hashed_.emplace(name);
}

std::string QueueDirectories::directory(std::string_view queue, std::string_view queue_id) const {
  std::string out = root_ + std::string(queue);
  if (is_hashed(queue)) out += hash_levels(queue_id, depth_);
  return out;
}

std::string QueueDirectories::path(std::string_view queue, std::string_view queue_id) const {
  return directory(queue, queue_id) + '/' + std::string(queue_id);
}

Result<void> QueueDirectories::rename(std::string_view queue_id, std::string_view from,
                                      std::string_view to) const {
  return rename_path(path(from, queue_id), queue_id, to);
}

Result<void> QueueDirectories::rename_path(const std::string& from_path, std::string_view queue_id,
                                           std::string_view to) const {
  std::string target = path(to, queue_id);
  if (::rename(from_path.c_str(), target.c_str()) == 0) return {};
  int error = errno;
  if (error == ENOENT && is_hashed(to) && base::file_exists(from_path)) {
    auto made = base::make_directories(directory(to, queue_id), 0700);
    if (!made) return made.error();
    if (::rename(from_path.c_str(), target.c_str()) == 0) return {};
    error = errno;
  }
  return errno_error(format("rename {} to {}", from_path, target), error);
}

Result<std::optional<Fd>> QueueDirectories::open(std::string_view queue, std::string_view queue_id,
                                                 int flags, mode_t mode) const {
  std::string name = path(queue, queue_id);
  int fd = ::open(name.c_str(), flags | O_CLOEXEC, mode);
  if (fd < 0 && errno == ENOENT && (flags & O_CREAT) && is_hashed(queue)) {
    auto made = base::make_directories(directory(queue, queue_id), 0700);
    if (!made) return made.error();
    fd = ::open(name.c_str(), flags | O_CLOEXEC, mode);
  }
  if (fd >= 0) return std::optional<Fd>(Fd(fd));
  if (errno == ENOENT && !(flags & O_CREAT)) return std::optional<Fd>();
  return errno_error("open " + name, errno);
}

Result<bool> QueueDirectories::remove(std::string_view queue, std::string_view queue_id) const {
  std::string name = path(queue, queue_id);
  if (unlink(name.c_str()) == 0) return true;
  if (errno == ENOENT) return false;
  return errno_error("remove " + name, errno);
}

std::optional<std::string> QueueDirectories::find(
    std::string_view queue_id, const std::vector<std::string_view>& queues) const {
  for (std::string_view queue : queues) {
    if (base::file_exists(path(queue, queue_id))) return std::string(queue);
  }
  return std::nullopt;
}

Result<std::vector<std::string>> QueueDirectories::list(std::string_view queue) const {
  std::vector<std::string> ids;
  auto done = list_ids(root_ + std::string(queue), is_hashed(queue) ? depth_ : 0, ids);
  if (!done) return done.error();
  return ids;
}

}  // namespace dovetail::mta
