// Feeds a message that comes as queue records (maildrop files, the stream to public/cleanup) to a Cleanup.
//
//   switch (feed.add(record)) {
//     case envelope_done: adjust cleanup.envelope(), co_await cleanup.end_envelope(), own headers; go on
//     case settle: co_await cleanup.settle(); go on
//     case end: co_await cleanup.finish()
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mta/cleanup/cleanup.h"
#include "mta/queue/envelope_builder.h"

namespace dovetail::mta {

class RecordFeed {
 public:
  enum class State { more, settle, envelope_done, end, bad };
  // The strings say which record types may stand in each segment (mta/queue/record.h).
  struct Allowed {
    std::string_view envelope, content, extracted;
  };
  RecordFeed(Cleanup& cleanup, Allowed allowed)
      : cleanup_(cleanup), allowed_(allowed), builder_(message_, SIZE_MAX) {}
  State add(const Record& record);
  // "unexpected record type 84 in envelope"
  const std::string& why() const { return why_; }

 private:
  State bad(const Record& record, std::string_view segment);
  State content(const Record& record);
  void extracted(const Record& record);
  void hand_over_envelope();

  Cleanup& cleanup_;
  Allowed allowed_;
  QueueMessage message_;
  EnvelopeBuilder builder_;
  enum class Segment { envelope, content, extracted } segment_ = Segment::envelope;
  std::string why_;
};

}  // namespace dovetail::mta
