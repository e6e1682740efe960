// One message on its way through cleanup: the inside of class Cleanup. envelope.cc, content.cc, inspect.cc and finish.cc
// hold its parts in the order in which a message passes them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/mail/header.h"
#include "mta/cleanup/cleanup.h"
#include "mta/cleanup/mapping.h"
#include "mta/cleanup/mime_state.h"
#include "mta/cleanup/service.h"
#include "mta/queue/bounce_log.h"
#include "mta/queue/queue_file.h"

namespace dovetail::mta {

class Cleanup::Impl {
 public:
  Impl(CleanupServiceImpl& service, unsigned flags);

  // --- envelope.cc
  Task<Result<void>> open();
  Task<> end_envelope();
  void add_bcc(std::string address);
  void add_late_recipient(mail::Recipient recipient) { late_.push_back(std::move(recipient)); }

  // --- content.cc
  bool put_line(std::string_view text, bool complete);
  Task<> settle();
  void put_own_header(std::string_view logical);

  // --- finish.cc
  Task<CleanupResult> finish();
  void abort();

  CleanupServiceImpl& service;
  unsigned flags;
  unsigned status = 0;
  std::string reason;
  std::string queue_id;
  mail::Envelope envelope;
  std::vector<mail::Recipient> recipients;  // as given

 private:
  // --- envelope.cc
  void check_obeyed();
  void write_envelope_head();
  void write_client(const mail::ClientInfo& client, bool log);
  Task<> map_sender();
  struct Mapped {
    std::string address;  // after canonical mapping
    std::vector<std::string> final_addresses;
    std::string bcc;
  };
  Task<> map_recipient(mail::Recipient* recipient, Mapped* out);
  Task<> map_recipients(size_t first, size_t last);
  Task<> write_bcc(std::string address);
  Task<> write_late(mail::Recipient recipient);
  void write_recipient(const mail::Recipient& recipient,
                       const std::vector<std::string>& final_addresses);
  void report_expansion(const mail::Recipient& recipient);
  void take_trouble();

  // --- content.cc
  struct Item {  // waiting for lookups
    enum Kind { header, end_headers, body } kind = header;
    MimeState::Place place = MimeState::Place::primary;
    std::string text;
    bool complete = true;
  };
  bool is_alive() const { return status == 0 || (flags & kCleanupBounce); }
  bool header_line(std::string_view text);
  bool body_line(std::string_view text, bool complete);
  void finish_header();
  void count_size(size_t bytes);
  bool enough() const {
    return waiting_bytes_ > kQueueFileBuffer / 2 || (file_ && file_->pending() > kQueueFileBuffer);
  }
  Task<> process(Item item);
  Task<> process_header(std::string text, MimeState::Place place);
  Task<> process_body(std::string text, bool complete);
  void note_header(const mail::HeaderInfo& info, const mail::HeaderParts& parts);
  Task<std::string> rewrite_header(std::string text, const mail::HeaderInfo& info);
  bool forbidden_characters(std::string& text, std::string_view what);
  void put_header(std::string_view logical);
  void add_missing_headers();
  void after_primary_headers();
  bool rewrites_headers() const;
  bool seen(mail::HeaderKind kind) const { return seen_.contains(kind); }
  void refuse(unsigned bit, std::string text);

  // --- inspect.cc
  enum class Keep { yes, no };
  // May replace the text; no: the line goes.
  Task<Keep> inspect(const lookup::Maps& maps, std::string_view what, std::string& text);
  Keep act(const lookup::Maps& maps, std::string_view what, std::string& text,
           std::string_view value);
  void log_action(std::string_view action, std::string_view what, std::string_view content,
                  std::string_view text) const;

  // --- finish.cc
  Task<> finish_content();
  Task<> write_extracted();
  Task<Result<void>> bounce_all();
  SizeRecord size_record() const;

  std::unique_ptr<QueueFile> file_;
  AddressMapper mapper_;
  std::set<std::string> duplicates_;   // original + final address
  std::vector<mail::Recipient> late_;  // learned after the envelope; written behind the content
  struct Written {
    mail::Recipient recipient;
  };
  std::vector<Written> written_;  // only while a refused message would bounce
  int64_t recipient_count_ = 0;
  int notify_seen_ = 0;
  bool mixed_ = false;  // recipients behind other records

  off_t data_offset_ = 0, extracted_offset_ = 0;
  int64_t content_bytes_ = 0;
  MimeState mime_;
  std::string header_;       // the logical header being put together
  bool header_cut_ = false;  // it reached header_size_limit
  bool in_piece_ = false;    // the last line was not complete
  bool any_line_ = false, headers_done_ = false, filter_off_ = false;
  std::deque<Item> waiting_;
  size_t waiting_bytes_ = 0;
  size_t body_bytes_checked_ = 0;
  std::set<mail::HeaderKind> seen_;
  bool resent_ = false;
  int hops_ = 0;
  int smtputf8_ = 0;
  std::string filter_, redirect_;
};

}  // namespace dovetail::mta
