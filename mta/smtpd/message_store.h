// Where an accepted message goes: mta/cleanup in the daemon, memory in tests. The calls are those of mta::Cleanup, in
// its order; see there.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/mail/envelope.h"
#include "common/net/task.h"
#include "mta/cleanup/cleanup.h"

namespace dovetail::mta::smtpd {

// One message on its way into the queue; dropping it without finish() leaves nothing behind.
class Message {
 public:
  virtual ~Message() = default;
  virtual Task<Result<void>> open() = 0;
  virtual const std::string& queue_id() const = 0;
  virtual mail::Envelope& envelope() = 0;
  virtual void add_flags(unsigned flags) = 0;
  virtual void add_recipient(mail::Recipient recipient) = 0;
  virtual void add_bcc(std::string address) = 0;
  virtual Task<> end_envelope() = 0;
  virtual void put_own_header(std::string_view logical) = 0;
  virtual bool put_line(std::string_view text, bool complete) = 0;
  virtual Task<> settle() = 0;
  virtual Task<CleanupResult> finish() = 0;
};

class MessageStore {
 public:
  virtual ~MessageStore() = default;
  virtual std::unique_ptr<Message> start(unsigned flags) = 0;
  // false: less than queue_minfree or 1.5 times message_size_limit is free.
  virtual Result<bool> has_space() const = 0;
};

std::unique_ptr<MessageStore> make_cleanup_store(CleanupService& service);

}  // namespace dovetail::mta::smtpd
