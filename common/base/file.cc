// SPDX-License-Identifier: Apache-2.0
#include "common/base/file.h"

#include <dirent.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "common/base/random.h"
#include "common/base/text.h"

namespace dovetail::base {

void Fd::reset() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Result<Fd> open_file(const std::string& path, int flags, mode_t mode) {
  Fd fd(::open(path.c_str(), flags | O_CLOEXEC, mode));
  if (!fd) return errno_error("open " + path, errno);
  return fd;
}

Result<std::string> read_all(int fd, size_t limit) {
  std::string all;
  struct stat st {};
  if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) all.reserve(static_cast<size_t>(st.st_size) + 1);
  for (;;) {
    size_t size = all.size();
    all.resize(size + 16384);
    ssize_t n = ::read(fd, all.data() + size, 16384);
    all.resize(size + static_cast<size_t>(n > 0 ? n : 0));
    if (n == 0) return all;
    if (n < 0 && errno != EINTR) return errno_error("read", errno);
    if (all.size() > limit) return permanent(format("larger than {} bytes", limit));
  }
}

Result<std::string> read_file(const std::string& path, size_t limit) {
  auto fd = open_file(path, O_RDONLY);
  if (!fd) return fd.error();
  auto text = read_all(fd->get(), limit);
  if (!text) return text.error().wrap(path);
  return text;
}

Result<void> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno_error("write", errno);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

Result<void> replace_file(const std::string& path, std::string_view bytes, mode_t mode) {
  std::string beside = format("{}.{}", path, random_hex(8));
  auto fd = open_file(beside, O_WRONLY | O_CREAT | O_EXCL, mode);
  if (!fd) return fd.error();
  fchmod(fd->get(), mode);
  auto written = write_all(fd->get(), bytes);
  if (written) written = sync_file(fd->get());
  if (written && ::rename(beside.c_str(), path.c_str()) != 0)
    written = errno_error("rename " + beside, errno);
  if (!written) ::unlink(beside.c_str());
  return written;
}

Result<void> sync_file(int fd) {
  if (::fsync(fd) != 0) return errno_error("fsync", errno);
  return {};
}

Result<void> sync_directory(const std::string& path) {
  auto fd = open_file(path, O_RDONLY | O_DIRECTORY);
  if (!fd) return fd.error();
  return sync_file(fd->get());
}

Result<void> make_directories(const std::string& path, mode_t mode) {
  for (size_t at = 1; at <= path.size(); ++at) {
    if (at < path.size() && path[at] != '/') continue;
    auto part = path.substr(0, at);
    if (::mkdir(part.c_str(), mode) != 0 && errno != EEXIST)
      return errno_error("mkdir " + part, errno);
  }
  return {};
}

Result<std::vector<std::string>> list_directory(const std::string& path) {
  struct Close {
    void operator()(DIR* dir) const { closedir(dir); }
  };
  std::unique_ptr<DIR, Close> dir(opendir(path.c_str()));
  if (!dir) return errno_error("open directory " + path, errno);
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    auto* entry = readdir(dir.get());
    if (!entry && errno) return errno_error("read directory " + path, errno);
    if (!entry) return names;
    std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
}

bool file_exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

std::string_view dirname(std::string_view path) {
  auto at = path.rfind('/');
  if (at == path.npos) return ".";
  return at == 0 ? path.substr(0, 1) : path.substr(0, at);
}

std::string_view basename(std::string_view path) {
  auto at = path.rfind('/');
  return at == path.npos ? path : path.substr(at + 1);
}

}  // namespace dovetail::base
