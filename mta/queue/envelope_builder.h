// Puts an envelope together from the records of a queue file, a maildrop file or a stream to cleanup.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mta/queue/queue_file.h"

namespace dovetail::mta {

// Collects what the records of envelope and extracted segment say.
class EnvelopeBuilder {
 public:
  EnvelopeBuilder(QueueMessage& message, size_t recipient_limit)
      : message_(message), limit_(recipient_limit) {}

  bool full() const { return message_.envelope.recipients.size() >= limit_; }
  Result<void> add(const Record& record);

 private:
  void add_attribute(std::string_view text);
  void add_recipient(const Record& record);

  QueueMessage& message_;
  size_t limit_;
  mail::Recipient next_;  // what was said about the recipient that follows
};

}  // namespace dovetail::mta
