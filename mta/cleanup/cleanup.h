// From envelope and content to a queue file: completes and rewrites headers, maps addresses,
// expands virtual aliases, adds bcc recipients, applies header and body checks, writes the queue
// file and commits it. Used in process by smtpd and pickup, and by the cleanup program for bounces,
// forwarded mail and third parties.
//
//   Cleanup cleanup(service, flags);
//   auto opened = co_await cleanup.open();               // the queue id is known from here on
//   cleanup.envelope() = ...sender, client, dsn...;      // before end_envelope()
//   cleanup.add_recipient(recipient);                    // any number
//   co_await cleanup.end_envelope();
//   if (cleanup.put_line(text)) co_await cleanup.settle();    // each line of the content, without
//   its line end auto result = co_await cleanup.finish();             // committed: result.ok()
//
// A problem on the way (temporary lookup failure, rejected header, full disk) is remembered; the
// caller goes on feeding and finish() tells the outcome. Dropping the object without finish()
// removes the file.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/base/log.h"
#include "common/base/result.h"
#include "common/mail/envelope.h"
#include "common/mail/reply.h"
#include "common/net/loop.h"
#include "common/net/task.h"

namespace dovetail::conf {
class MainCf;
}

namespace dovetail::mta {

// What a client of cleanup asks for; values as on the wire of public/cleanup.
enum CleanupFlags : unsigned {
  kCleanupBounce = 1 << 0,     // a refused message is bounced, not reported to the client (pickup)
  kCleanupFilter = 1 << 1,     // header_checks, body_checks
  kCleanupHold = 1 << 2,       // into hold/
  kCleanupDiscard = 1 << 3,    // accepted and thrown away
  kCleanupBcc = 1 << 4,        // always_bcc, sender_bcc_maps, recipient_bcc_maps
  kCleanupMap = 1 << 5,        // canonical, masquerade, virtual alias
  kCleanupMilter = 1 << 6,     // Milters apply: without kCleanupSmtpReply, non_smtpd_milters
  kCleanupSmtpReply = 1 << 7,  // the client is an SMTP server: it answers for smtpd_milters itself
  kCleanupSmtpUtf8 = 1 << 8,
  kCleanupAutoUtf8 = 1 << 9,  // decide by the content (smtputf8_autodetect_classes)
  kCleanupMaskExternal = kCleanupFilter | kCleanupBcc | kCleanupMap | kCleanupMilter,
  kCleanupMaskInternal = kCleanupMap,
};

// The flags for mail from outside with receive_override_options taken off; an unknown word is a config error.
Result<unsigned> external_cleanup_flags(std::string_view receive_override_options);

// Bits of the outcome, values as on the wire; 0: the message is in the queue.
enum CleanupStatus : unsigned {
  kCleanupBad = 1 << 0,    // bad protocol
  kCleanupWrite = 1 << 1,  // queue file write error, lookup failure
  kCleanupSize = 1 << 2,
  kCleanupContent = 1 << 3,
  kCleanupHops = 1 << 4,
  kCleanupNoRecipient = 1 << 6,
  kCleanupProxy = 1 << 7,
  kCleanupDefer = 1 << 8,  // by policy
  kCleanupBareLf = 1 << 9,
  kCleanupPermission = 1 << 10,
};

struct CleanupResult {
  unsigned status = 0;
  std::string queue_id;
  std::string reason;  // text of the rule that refused, with or without a status code in front
  bool ok() const { return status == 0; }
  // What an SMTP server answers at the end of data: "250 2.0.0 Ok: queued as ID", "552 5.3.4 Error:
  // ...".
  mail::Reply smtp_reply() const;
};

// What all messages of one service share: parameters, open tables, the resolver, the disk pool. One
// per process and line of master.cf.
class CleanupService {
 public:
  virtual ~CleanupService() = default;
  // main_cf: with the -o of the cleanup service's own line (cleanup_service_name). log:
  // "postfix/cleanup". Opens tables: call it while rights are there. The loop must outlive it.
  static Result<std::unique_ptr<CleanupService>> open(net::Loop& loop, const conf::MainCf& main_cf,
                                                      const Logger& log);
  // queue_minfree and 1.5 * message_size_limit (452 4.3.1 at MAIL when false).
  virtual Result<bool> has_queue_space() const = 0;
};

class Cleanup {
 public:
  Cleanup(CleanupService& service, unsigned flags);
  ~Cleanup();
  Cleanup(const Cleanup&) = delete;

  // Creates the queue file. An error (disk full, no directory) has the text of errno; the answer is
  // 451 4.3.0.
  Task<Result<void>> open();
  const std::string& queue_id() const;
  unsigned status() const;

  // The envelope's recipients member is not used here.
  mail::Envelope& envelope();
  void add_flags(unsigned flags);  // HOLD or DISCARD from access maps
  // FILTER, REDIRECT, added BCC recipients and PREPENDed header lines decided by smtpd
  // restrictions: FILTER and REDIRECT go into envelope().filter and .redirect.
  void add_recipient(mail::Recipient recipient);
  void add_bcc(std::string address);
  // A recipient learned after end_envelope(); it is written behind the content.
  void add_late_recipient(mail::Recipient recipient);
  size_t recipient_count() const;  // as given, before expansion
  // Maps the sender, maps and expands the recipients, writes the envelope.
  Task<> end_envelope();

  // One line of the message (headers, empty line, body) without its line end; complete = false: a
  // piece of a longer line. True: settle() must be awaited before the next call.
  bool put_line(std::string_view text, bool complete = true);
  // Lookups for finished headers, writing to disk.
  Task<> settle();
  // Header lines of our own, in front of the client's (Received:, PREPEND): no checks, no
  // rewriting.
  void put_own_header(std::string_view logical);

  // Adds missing headers, bcc recipients, writes the end and commits; then wakes qmgr. Call once.
  Task<CleanupResult> finish();
  // Gives the message up: the file is removed.
  void abort();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dovetail::mta
