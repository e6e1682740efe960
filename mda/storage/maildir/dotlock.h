// Lock files beside a file ("dovecot-uidlist.lock"), as the incumbent takes them: made exclusively, holding "PID:HOST".
// One of a dead process of this host, or untouched for two minutes, is removed. Never waits.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "common/base/result.h"

namespace dovetail::mda {

class Dotlock {
 public:
  Dotlock(Dotlock&& other) noexcept : path_(std::exchange(other.path_, {})), inode_(other.inode_) {}
  Dotlock& operator=(Dotlock&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(inode_, other.inode_);
    return *this;
  }
  ~Dotlock() { release(); }

  // Locks PATH by PATH.lock; nullopt: somebody else has it.
  static Result<std::optional<Dotlock>> try_lock(const std::string& path,
                                                 std::string_view hostname);
  void release();
  // Another process may have taken a lock that was held too long.
  bool still_ours() const;

 private:
  explicit Dotlock(std::string path) : path_(std::move(path)) {}
  std::string path_;
  uint64_t inode_ = 0;
};

}  // namespace dovetail::mda
