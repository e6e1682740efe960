// Lock files beside a file ("dovecot-uidlist.lock"), as the incumbent takes them: made exclusively, holding "PID:HOST".
// One of a dead process of this host, or untouched for two minutes, is removed. Never waits.
//
// A file that is locked for every delivery is locked by link() instead: the lock is a second name of the file itself, which
// costs no inode to be made and thrown away. Such a lock is also a flock of its holder, so that it is seen when he is gone.
// The incumbent respects it as one whose holder it does not know.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "common/base/file.h"
#include "common/base/result.h"

namespace dovetail::mda {

class Dotlock {
 public:
  Dotlock(Dotlock&& other) noexcept
      : path_(std::exchange(other.path_, {})),
        inode_(other.inode_),
        file_(std::move(other.file_)) {}
  Dotlock& operator=(Dotlock&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(inode_, other.inode_);
    std::swap(file_, other.file_);
    return *this;
  }
  ~Dotlock() { release(); }

  // Locks PATH by PATH.lock; nullopt: somebody else has it.
  static Result<std::optional<Dotlock>> try_lock(const std::string& path,
                                                 std::string_view hostname);
  // The same by link(); as try_lock() where that cannot be.
  static Result<std::optional<Dotlock>> try_link(const std::string& path,
                                                 std::string_view hostname);
  void release();
  // Another process may have taken a lock that was held too long.
  bool still_ours() const;

 private:
  explicit Dotlock(std::string path) : path_(std::move(path)) {}
  std::string path_;
  uint64_t inode_ = 0;
  base::Fd file_;  // try_link(): the file, with its flock
};

}  // namespace dovetail::mda
