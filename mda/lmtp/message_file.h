// The message while it comes in: what all its recipients' workers read. Up to 128 KiB, as the incumbent keeps in memory, it
// never sees a disk: a sealed memory file. A larger one is an unlinked file in mail_temp_dir, written in the pool. Nothing is
// fsynced here: the reply waits for the workers, not for this.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "common/base/file.h"
#include "common/net/pool.h"

namespace dovetail::mda::lmtp {

class MessageFile {
 public:
  MessageFile(net::Pool& pool, std::string mail_temp_dir, size_t in_memory)
      : pool_(pool), directory_(std::move(mail_temp_dir)), in_memory_(in_memory) {}

  // After an error the rest of the message is dropped; finish() tells.
  void add(std::string_view bytes);
  bool wants_flush() const { return pending_.size() > in_memory_; }
  Task<> flush();
  // A descriptor that can only be read: workers of other users get it too.
  Task<Result<base::Fd>> finish();
  uint64_t size() const { return size_; }
  // The first part, for its header.
  std::string_view head() const { return head_.empty() ? std::string_view(pending_) : head_; }

 private:
  static constexpr size_t kHead = 64 * 1024;

  net::Pool& pool_;
  std::string directory_;
  size_t in_memory_;
  std::string pending_, head_;
  uint64_t size_ = 0;
  base::Fd write_, read_;
  Result<void> state_;
};

// Message-ID of a header, with its brackets; empty if there is none.
std::string find_message_id(std::string_view head);

}  // namespace dovetail::mda::lmtp
