// Handing a message to the cleanup service (public/cleanup) from a daemon that links no tables: bounces, mail forwarded by
// local, notices.
//
// Wire form, as the incumbent's: the server says queue_id; the client says flags (CleanupFlags) and sends the message as
// records (envelope, M, content, X, E); the server says status (CleanupStatus, 0: in the queue) and reason. Lists are
// common/proto/attr's.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/mail/envelope.h"
#include "common/net/conn.h"
#include "common/net/task.h"
#include "mta/queue/record.h"

namespace dovetail::mta {

class CleanupClient {
 public:
  // Connects and learns the queue id. path: "public/cleanup" relative to the queue directory.
  static Task<Result<std::unique_ptr<CleanupClient>>> open(net::Loop& loop, std::string path,
                                                           unsigned flags);

  const std::string& queue_id() const { return queue_id_; }
  // Sender, attributes and recipients; then content follows.
  Task<> send_envelope(mail::Envelope envelope);
  // Content with '\n' line ends, in any pieces that end with a line.
  Task<> send_content(std::string_view lines);
  // The end; an Error has the service's reason (fault temporary unless it refused the message for good).
  Task<Result<void>> finish();

 private:
  CleanupClient(net::Loop& loop, base::Fd fd) : conn_(loop, std::move(fd)) {}
  void put(RecordType type, std::string_view data);

  Conn conn_;
  std::string queue_id_, record_;
};

}  // namespace dovetail::mta
