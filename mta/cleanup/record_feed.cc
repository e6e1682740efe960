// SPDX-License-Identifier: Apache-2.0
#include "mta/cleanup/record_feed.h"

#include "common/base/text.h"

namespace dovetail::mta {

RecordFeed::State RecordFeed::bad(const Record& record, std::string_view segment) {
  why_ = format("unexpected record type {} in {}",
                static_cast<int>(static_cast<unsigned char>(record.type)), segment);
  return State::bad;
}

void RecordFeed::hand_over_envelope() {
  std::vector<mail::Recipient> recipients = std::move(message_.envelope.recipients);
  message_.envelope.recipients.clear();
  cleanup_.envelope() = std::move(message_.envelope);
  message_.envelope = mail::Envelope();
  for (mail::Recipient& recipient : recipients) cleanup_.add_recipient(std::move(recipient));
}

RecordFeed::State RecordFeed::content(const Record& record) {
  if (allowed_.content.find(record.type) == std::string_view::npos)
    return bad(record, "message content");
  if (record.type == kRecExtracted) {
    segment_ = Segment::extracted;
    return State::settle;
  }
  if (record.type != kRecNormal && record.type != kRecContinued) return State::more;
  return cleanup_.put_line(record.data, record.type == kRecNormal) ? State::settle : State::more;
}

// Recipients that sendmail -t found in headers, of older versions; an encoding decided late.
void RecordFeed::extracted(const Record& record) {
  std::vector<mail::Recipient>& recipients = message_.envelope.recipients;
  for (mail::Recipient& recipient : recipients) cleanup_.add_late_recipient(std::move(recipient));
  recipients.clear();
  if (record.type == kRecFilter) cleanup_.envelope().filter = record.data;
  if (message_.envelope.encoding != mail::Encoding::none)
    cleanup_.envelope().encoding = message_.envelope.encoding;
}

RecordFeed::State RecordFeed::add(const Record& record) {
  if (segment_ == Segment::content) return content(record);
  bool in_envelope = segment_ == Segment::envelope;
  std::string_view allowed = in_envelope ? allowed_.envelope : allowed_.extracted;
  if (allowed.find(record.type) == std::string_view::npos)
    return bad(record, in_envelope ? "envelope" : "extracted segment");
  if (record.type == kRecMessage) {
    segment_ = Segment::content;
    hand_over_envelope();
    return State::envelope_done;
  }
  if (record.type == kRecEnd) return in_envelope ? bad(record, "envelope") : State::end;
  // Pointers have been followed already; times and flags of an earlier life mean nothing here.
  if (record.type == kRecPointer || record.type == kRecExtracted) return State::more;
  if (auto added = builder_.add(record); !added) {
    why_ = added.error().text;
    return State::bad;
  }
  if (!in_envelope) extracted(record);
  return State::more;
}

}  // namespace dovetail::mta
