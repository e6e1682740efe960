// Cleanup::Impl, last part: the end of the file, the commit, the bounce of refused local mail; and what clients are told.
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "common/mail/dsn.h"
#include "mta/cleanup/message.h"

namespace dovetail::mta {

namespace {

struct StatusReply {
  unsigned bit;
  int code;
  std::string_view dsn, text;
};
// The most severe first: what the client is told when several things went wrong.
// clang-format off
constexpr StatusReply status_replies[] = {
    {kCleanupDefer,       451, "4.7.1", "service unavailable"},
    {kCleanupProxy,       451, "4.3.0", "queue file write error"},
    {kCleanupBad,         451, "4.3.0", "internal protocol error"},
    {kCleanupNoRecipient, 550, "5.1.0", "no recipients specified"},
    {kCleanupHops,        554, "5.4.0", "too many hops"},
    {kCleanupSize,        552, "5.3.4", "message file too big"},
    {kCleanupContent,     550, "5.7.1", "message content rejected"},
    {kCleanupWrite,       451, "4.3.0", "queue file write error"},
    {kCleanupPermission,  550, "5.7.1", "service denied"},
    {kCleanupBareLf,      521, "5.5.2", "bare <LF> received"},
};
// clang-format on
constexpr unsigned kTryAgainLater = kCleanupDefer | kCleanupProxy | kCleanupBad | kCleanupWrite;
constexpr std::string_view kScanIncoming = "I";

// Two significant digits, as delays are logged.
std::string shown_delay(double seconds) {
  if (seconds < 0.005) return "0";
  int digits = seconds >= 10 ? 0 : seconds >= 1 ? 1 : 2;
  std::string text = format("{:.{}f}", seconds, digits);
  if (digits > 0) text = base::trim_right(base::trim_right(text, "0"), ".");
  return text;
}

// "QID: to=<a>, orig_to=<b>, relay=none, delay=0.02, delays=0.02/0/0/0, dsn=5.7.1, status=bounced (text)"
void log_bounced(const Logger& log, const std::string& queue_id, const BounceEntry& entry,
                 const std::string& delay) {
  std::string to = base::printable(entry.recipient, true),
              original = base::printable(entry.original_recipient, true);
  bool show = !original.empty() && !base::iequals(to, original);
  log.info("{}: to=<{}>{}, relay=none, delay={}, delays={}/0/0/0, dsn={}, status=bounced ({})",
           queue_id, to, show ? format(", orig_to=<{}>", original) : "", delay, delay, entry.status,
           base::printable(entry.reason, true));
}

const StatusReply* find_reply(unsigned status) {
  for (const StatusReply& row : status_replies) {
    if (status & row.bit) return &row;
  }
  return nullptr;
}

}  // namespace

mail::Reply CleanupResult::smtp_reply() const {
  if (ok()) return {250, "2.0.0", "Ok: queued as " + queue_id};
  const StatusReply* row = find_reply(status);
  if (!row) return {451, "4.3.0", "Error: internal error"};
  if (reason.empty()) {
    bool plain = row->bit == kCleanupContent;
    return {row->code, std::string(row->dsn), (plain ? "" : "Error: ") + std::string(row->text)};
  }
  mail::DsnText said = mail::split_dsn(reason, row->dsn);
  // A rule may ask for a temporary answer with a 4.x.y status.
  int code = said.status[0] == '4' && row->code >= 500 ? 450 : row->code;
  return {code, said.status, said.text};
}

SizeRecord Cleanup::Impl::size_record() const {
  SizeRecord size;
  size.content_size = extracted_offset_ - data_offset_;
  size.data_offset = data_offset_;
  size.recipient_count = recipient_count_;
  size.qmgr_flags = (mixed_ ? kQmgrMixedRecipients : 0) | notify_seen_ << 1;
  size.message_size = size.content_size;
  size.smtputf8 = smtputf8_ | envelope.smtputf8;
  return size;
}

// A message may end within its headers.
Task<> Cleanup::Impl::finish_content() {
  finish_header();
  co_await settle();
  if (!headers_done_ && is_alive()) after_primary_headers();
}

Task<> Cleanup::Impl::write_extracted() {
  extracted_offset_ = file_->offset();
  file_->put(kRecExtracted, "");
  mail::Encoding found =
      service.parameters.detect_8bit_encoding_header ? mime_.encoding() : mail::Encoding::none;
  mail::Encoding encoding = found == mail::Encoding::none ? envelope.encoding : found;
  if (encoding != mail::Encoding::none)
    file_->put_attribute("encoding", encoding == mail::Encoding::eight_bit ? "8bit" : "7bit");
  if (!filter_.empty()) file_->put(kRecFilter, filter_);
  if (!redirect_.empty()) file_->put(kRecRedirect, redirect_);
  mixed_ |= !late_.empty();
  for (mail::Recipient& recipient : late_) co_await write_late(std::move(recipient));
  file_->put(kRecEnd, "");
}

// A refused message from this host: nobody waits for the answer, so every recipient is marked as done and has its
// entry in the bounce log before the file is committed; the queue manager then sends the notice.
Task<Result<void>> Cleanup::Impl::bounce_all() {
  const StatusReply* row = find_reply(status);
  mail::DsnText why = mail::split_dsn(reason.empty() ? row->text : reason, row->dsn);
  std::string delay = shown_delay(base::wall_now().as_double() - envelope.arrival.as_double());
  for (const Written& done : written_) {
    BounceEntry entry;
    entry.recipient = done.recipient.address;
    entry.original_recipient = done.recipient.orig_rcpt;
    entry.offset = done.recipient.offset;
    entry.dsn_orig_rcpt = done.recipient.dsn_orcpt;
    entry.notify_flags = done.recipient.dsn_notify;
    entry.status = why.status;
    entry.action = "failed";
    entry.reason = why.text;
    auto appended = append_bounce_entry(service.directories, "bounce", queue_id, entry);
    if (!appended) co_return appended.error();
    auto marked = co_await file_->overwrite(done.recipient.offset, std::string(1, kRecDone));
    if (!marked) co_return marked.error();
    log_bounced(service.log, queue_id, entry, delay);
  }
  status = 0;
  co_return Result<void>();
}

void Cleanup::Impl::abort() {
  if (file_) file_->abort();
}

Task<CleanupResult> Cleanup::Impl::finish() {
  if (file_) {
    co_await finish_content();
    // sendmail -t: all recipients may come behind the content.
    if (recipient_count_ == 0 && late_.empty() && status == 0) status |= kCleanupNoRecipient;
  }
  CleanupResult result;
  result.queue_id = queue_id;
  if (file_ && (flags & kCleanupDiscard) && !(status & kTryAgainLater)) {
    abort();
    co_return result;
  }
  bool bounces = file_ && status != 0 && (flags & kCleanupBounce) && !(status & kTryAgainLater) &&
                 !written_.empty();
  if (file_ && (status == 0 || bounces)) {
    co_await write_extracted();
    take_trouble();
    if (status != 0 && !(status & kTryAgainLater) && bounces) {
      auto bounced = co_await bounce_all();
      if (!bounced) status |= kCleanupWrite;
    }
  }
  if (file_ && status == 0) {
    QueueFile::CommitOptions commit;
    commit.size = size_record();
    commit.queue = flags & kCleanupHold ? "hold" : "";
    auto committed = co_await file_->commit(std::move(commit));
    if (committed) {
      if (!(flags & kCleanupHold)) service.qmgr.send(kScanIncoming);
      co_return result;
    }
    service.log.warning("{}: write queue file: {}", queue_id, committed.error().text);
    status |= kCleanupWrite;
  }
  abort();
  result.status = status ? status : static_cast<unsigned>(kCleanupWrite);
  result.reason = reason;
  co_return result;
}

}  // namespace dovetail::mta
