// Any bytes as a message given to sendmail (with and without -t) and as a record stream given to postdrop, which is set-gid.
// What sendmail makes of any message, postdrop must take.
// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "mta/queue/record.h"
#include "mta/tools/postdrop/drop_filter.h"
#include "mta/tools/sendmail/options.h"
#include "mta/tools/sendmail/submission.h"
#include "tests/fuzz/support.h"

using namespace dovetail;

namespace {

std::string content_in_steps(std::string_view text, bool lone_dot, size_t step,
                             std::vector<std::string>& recipients) {
  mta::ContentRecords::Rules rules;
  rules.lone_dot_ends = lone_dot;
  rules.extract_recipients = true;
  rules.line_length_limit = 64;
  mta::ContentRecords content(rules);
  std::string out;
  bool more = true;
  for (size_t at = 0; at < text.size() && more; at += step)
    more = content.add(text.substr(at, step), out);
  if (more) content.end(out);
  recipients = content.recipients();
  return out;
}

// True: every record was kept.
bool filter_records(std::string_view records) {
  mta::DropFilter filter;
  mta::RecordDecoder decoder(65536);
  mta::Record record;
  while (decoder.next(records, record) == mta::RecordDecoder::State::record) {
    auto verdict = filter.add(record.type, record.data);
    if (verdict == mta::DropFilter::Verdict::end) return true;
    if (verdict != mta::DropFilter::Verdict::keep) return false;
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto text = tests::input_text(data, size);
  (void)filter_records(text);
  std::vector<std::string> recipients, same;
  for (bool lone_dot : {false, true}) {
    const auto content = content_in_steps(text, lone_dot, 1, same);
    tests::refuse(content != content_in_steps(text, lone_dot, 100000, recipients) ||
                  recipients != same);
    mta::SubmissionEnvelope envelope;
    envelope.sender = mta::sender_address(text.substr(0, 30));
    envelope.full_name = "Frank";
    for (const auto& address : recipients) {
      tests::refuse(address.empty());
      envelope.recipients.push_back(address);
    }
    std::string stream = mta::envelope_records(mta::SendmailOptions{}, envelope);
    mta::append_record(stream, mta::kRecMessage, "");
    stream += content;
    mta::append_record(stream, mta::kRecExtracted, "");
    mta::append_record(stream, mta::kRecEnd, "");
    tests::refuse(!filter_records(stream));
  }
  (void)mta::addresses_in(text);
  return 0;
}
