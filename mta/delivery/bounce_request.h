// What qmgr asks of bounce(8) at the end of an attempt: turn a log of failed, late or traced recipients into a notice.
// The logs themselves (bounce/ID, defer/ID, trace/ID) are written by whoever saw the recipient end (mta/queue/bounce_log.h).
//
// Wire form (common/proto/attr) on private/bounce, private/defer, private/trace: request=bounce|expire|warn|trace and the
// message's facts; answer status=0 when the notice is in the queue and bounce/ID or trace/ID is removed, else status=1.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "common/base/result.h"
#include "common/mail/envelope.h"
#include "common/net/conn.h"
#include "common/proto/attr.h"

namespace dovetail::mta {

struct BounceRequest {
  // bounce: bounce/ID to the sender. expire: defer/ID to the sender, lifetime is over. warn: defer/ID as a delay notice,
  // the message stays. trace: trace/ID, a delivery report.
  enum class Kind { bounce, expire, warn, trace };
  Kind kind = Kind::bounce;
  std::string queue = "active";
  std::string queue_id;
  std::string sender, envelope_id, verp_delimiters;
  mail::Encoding encoding = mail::Encoding::none;
  int smtputf8 = 0, dsn_ret = 0, trace_flags = 0;
  base::Wall arrival;

  proto::Attributes encode() const;
  static Result<BounceRequest> decode(const proto::Attributes& from);
};

// One question on a fresh connection to `path` ("private/bounce"). An error means: keep the message, try later.
Task<Result<void>> ask_bounce(net::Loop& loop, std::string path, BounceRequest request);

}  // namespace dovetail::mta
