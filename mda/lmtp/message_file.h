// The message while it comes in: one unlinked file in mail_temp_dir that all its recipients' workers read. Small pieces
// are collected, disk work runs in the pool. Nothing is fsynced here: the reply waits for the workers, not for this.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "common/base/file.h"
#include "common/net/pool.h"

namespace dovetail::mda::lmtp {

class MessageFile {
 public:
  MessageFile(net::Pool& pool, std::string mail_temp_dir)
      : pool_(pool), directory_(std::move(mail_temp_dir)) {}

  // After an error the rest of the message is dropped; finish() tells.
  void add(std::string_view bytes);
  bool wants_flush() const { return pending_.size() >= kPiece; }
  Task<> flush();
  // A descriptor that can only be read: workers of other users get it too.
  Task<Result<base::Fd>> finish();
  uint64_t size() const { return size_; }
  // The first part, for its header.
  std::string_view head() const { return head_; }

 private:
  static constexpr size_t kPiece = 64 * 1024;
  static constexpr size_t kHead = 64 * 1024;

  net::Pool& pool_;
  std::string directory_;
  std::string pending_, head_;
  uint64_t size_ = 0;
  base::Fd write_, read_;
  Result<void> state_;
};

// Message-ID of a header, with its brackets; empty if there is none.
std::string find_message_id(std::string_view head);

}  // namespace dovetail::mda::lmtp
