// One message in the active queue: what is left to do for it, and when that is done.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "common/base/clock.h"
#include "common/net/loop.h"
#include "mta/delivery/request.h"
#include "mta/queue/queue_file.h"

namespace dovetail::mta {

class ActiveMessage {
 public:
  ActiveMessage(net::Loop& loop, std::string queue_id)
      : queue_id_(std::move(queue_id)), all_ended_(loop) {}

  const std::string& queue_id() const { return queue_id_; }
  QueueMessage& file() { return file_; }
  const QueueMessage& file() const { return file_; }

  base::Wall active_since;
  bool unthrottle = false;  // +0040 of the file's mode: try even where the destination is dead
  bool expire_now = false;  // +0010: postsuper -e

  // Deliveries under way or waiting; wait() ends when none is left.
  void entry_added() { ++entries_; }
  void entry_ended() {
    if (--entries_ == 0) all_ended_.set();
  }
  Task<> wait_for_entries() {
    while (entries_ > 0) co_await all_ended_.wait();
  }

  // How this attempt went.
  size_t deferred = 0, bounced = 0, delivered = 0;
  void count(Status status) {
    ++(status == Status::sent ? delivered : status == Status::deferred ? deferred : bounced);
  }

 private:
  std::string queue_id_;
  QueueMessage file_;
  size_t entries_ = 0;
  net::Event all_ended_;
};

// The incumbent's rule for the next attempt: as long as the message is old, within minimal and maximal_backoff_time.
int64_t next_attempt_delay(int64_t age, int64_t minimal, int64_t maximal);

}  // namespace dovetail::mta
