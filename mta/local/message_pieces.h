// The child's end of its socket: the job, then the message in pieces, then the answer. Blocking; the child does one thing.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/file.h"
#include "mta/local/job.h"

namespace dovetail::mta {

class MessagePieces {
 public:
  explicit MessagePieces(Fd fd) : fd_(std::move(fd)) {}

  std::optional<Job> read_job();  // nullopt: the front is gone
  // More of the message, "" at its end or when the front died: complete() tells which.
  std::string next();
  bool complete() const { return complete_; }
  bool ended() const { return complete_ || broken_; }
  // What is here already without waiting; nullopt: nothing yet.
  std::optional<std::string> take();
  // One read of whatever is there.
  void fill();
  int fd() const { return fd_.get(); }

  // What is left of the message is read and dropped first: a socket closed over unread bytes would lose the answer.
  void answer(const JobResult& result);

 private:
  Fd fd_;
  std::string buffer_;
  size_t left_ = 0;  // of the current piece
  bool complete_ = false, broken_ = false;
};

}  // namespace dovetail::mta
