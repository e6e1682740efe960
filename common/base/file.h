// File descriptors with an owner, and whole files read and written safely.
// Nothing here follows a mail format; every descriptor is opened close-on-exec.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"

namespace dovetail::base {

// Owns one descriptor; -1 is none.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  Fd(const Fd&) = delete;
  ~Fd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset();

 private:
  int fd_ = -1;
};

// open(2) with O_CLOEXEC; the error reads "open PATH: reason".
Result<Fd> open_file(const std::string& path, int flags, mode_t mode = 0600);
// The whole file; larger than limit bytes is an error ("PATH: larger than N bytes").
Result<std::string> read_file(const std::string& path, size_t limit = size_t{1} << 30);
Result<std::string> read_all(int fd, size_t limit = size_t{1} << 30);
// Writes everything, going on after short writes and EINTR.
Result<void> write_all(int fd, std::string_view bytes);
// Writes beside PATH, fsyncs and renames over it, so that a reader sees the old file or the new
// one.
Result<void> replace_file(const std::string& path, std::string_view bytes, mode_t mode);
Result<void> sync_file(int fd);
// fsync of the directory itself, after a create or rename that must survive a crash.
Result<void> sync_directory(const std::string& path);
Result<void> make_directories(const std::string& path, mode_t mode);
// Names in a directory without . and .., unsorted.
Result<std::vector<std::string>> list_directory(const std::string& path);
bool file_exists(const std::string& path);
// Everything before the last slash ("." if there is none) and everything behind it.
std::string_view dirname(std::string_view path);
std::string_view basename(std::string_view path);

}  // namespace dovetail::base

namespace dovetail {
using base::Fd;
}
