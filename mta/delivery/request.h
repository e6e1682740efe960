// What qmgr asks of a delivery agent and what it hears back, as attribute lists on private/SERVICE (common/proto/attr).
//
//   qmgr -> agent   one request: queue file, next hop, envelope, recipients with the offsets of their records
//   agent -> qmgr   one "report" per recipient, after its bounce/defer entry is written, its record marked and its line
//                   logged; at the end one "done", with a reason when the destination itself, not a recipient, is at fault
//
// A connection that breaks before "done" leaves the recipients without a report undelivered: they are deferred.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/mail/dsn.h"
#include "common/mail/envelope.h"
#include "common/proto/attr.h"

namespace dovetail::mta {

// Postfix's trace flags, as they stand in queue files. Probes of verify(8) and sendmail -bv are simulated; -bv and -v ask for
// a report by mail.
inline constexpr int kTraceMtaVerify = 1 << 8, kTraceVerify = kTraceMtaVerify | (1 << 9), kTraceExpand = 1 << 9, kTraceRecord = 1 << 10;

struct DeliveryRequest {
  std::string queue = "active";
  std::string queue_id;
  std::string nexthop;
  int64_t data_offset = 0;  // of the content
  int64_t content_size = 0, message_size = 0;
  mail::Envelope envelope;  // recipients: those to deliver to, with offsets
  base::Wall active_arrival;  // when qmgr took the message up
  base::Wall handoff;         // when this request was sent
  bool more_waiting = false;  // other mail waits for this destination: a session is worth keeping

  proto::Attributes encode() const;
  static Result<DeliveryRequest> decode(const proto::Attributes& from);
};

enum class Status { sent, deferred, bounced };

struct RecipientReport {
  off_t offset = 0;
  Status status = Status::deferred;

  proto::Attributes encode() const;
};

struct DeliveryDone {
  // The destination could not be reached at all: qmgr lowers its concurrency. Empty status: it was reached.
  mail::DsnText destination_fault;

  proto::Attributes encode() const;
};

// The sender of one recipient's copy of a list's message (VERP): delimiters "+=" and user@example.org make
// list+user=example.org@lists.example of list@lists.example.
std::string verp_sender(std::string_view delimiters, const std::string& sender, const mail::Recipient& rcpt);

// What an agent's list is; nullopt in both: neither.
struct AgentMessage {
  std::optional<RecipientReport> report;
  std::optional<DeliveryDone> done;
  static AgentMessage decode(const proto::Attributes& from);
};

}  // namespace dovetail::mta
