// Any bytes as the content of a message on its way through cleanup: MIME state line by line, and results of header_checks; and
// whole, by a Cleanup that writes real queue files, fed with records as pickup and public/cleanup feed it.
// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <cstdlib>

#include "common/base/text.h"
#include "conf/postfix/main_cf.h"
#include "lookup/build/message_keys.h"
#include "mta/cleanup/checks.h"
#include "mta/cleanup/cleanup.h"
#include "mta/cleanup/mime_state.h"
#include "mta/cleanup/record_feed.h"
#include "tests/fuzz/support.h"

using namespace dovetail;

namespace {

struct CleanupHouse {
  Loop loop;
  tests::Scratch scratch;
  std::unique_ptr<mta::CleanupService> service;
  CleanupHouse() {
    for (const char* queue : {"incoming", "hold", "bounce", "defer", "trace", "public"}) {
      tests::refuse(mkdir((scratch.path() + '/' + queue).c_str(), 0700) != 0);
    }
    auto cf = conf::MainCf::parse("main.cf",
                                  "compatibility_level = 3.6\nqueue_directory = " + scratch.path() +
                                      "\nmyhostname = mx.example.test\nmydestination = "
                                      "local.test\ninet_interfaces = 127.0.0.1\n"
                                      "inet_protocols = ipv4\nqueue_minfree = "
                                      "0\nvirtual_alias_maps = inline:{ {a@x.test = b, c} }\n");
    tests::refuse(!cf);
    auto opened = mta::CleanupService::open(loop, *cf, Logger("postfix/cleanup"));
    tests::refuse(!opened);
    service = std::move(*opened);
  }
};

Task<> feed_records(CleanupHouse& house, std::string_view bytes) {
  using State = mta::RecordFeed::State;
  mta::Cleanup cleanup(*house.service, mta::kCleanupMaskExternal | mta::kCleanupDiscard);
  auto opened = co_await cleanup.open();
  tests::refuse(!opened);
  mta::RecordFeed feed(cleanup, {mta::kMaildropEnvelopeTypes, mta::kMaildropContentTypes,
                                 mta::kMaildropExtractedTypes});
  mta::RecordDecoder decoder(4096);
  mta::Record record;
  while (decoder.next(bytes, record) == mta::RecordDecoder::State::record) {
    auto state = feed.add(record);
    if (state == State::bad) co_return;
    if (state == State::envelope_done) co_await cleanup.end_envelope();
    if (state == State::settle) co_await cleanup.settle();
    if (state != State::end) continue;
    co_await cleanup.finish();
    co_return;
  }
}

// The input as the lines of a message between two proper envelopes.
std::string records_of(std::string_view text) {
  std::string out;
  mta::append_record(out, mta::kRecTime, "1795176479 0");
  mta::append_record(out, mta::kRecFrom, "frank@example.org");
  mta::append_record(out, mta::kRecRcpt, "a@x.test");
  mta::append_record(out, mta::kRecMessage, "");
  for (auto line : base::split(text, '\n')) mta::append_record(out, mta::kRecNormal, line);
  mta::append_record(out, mta::kRecExtracted, "");
  mta::append_record(out, mta::kRecEnd, "");
  return out;
}

void follow_mime(std::string_view text) {
  mta::MimeState state({10, 70, true});
  for (auto line : base::split(text, '\n')) {
    if (!state.in_headers()) {
      state.boundary(line);
    } else if (line.empty()) {
      state.end_headers();
    } else if (line.find(':') == line.npos) {
      state.end_headers();
      state.boundary(line);
    } else {
      state.header(line);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  tests::silence_log();
  static CleanupHouse house;
  const auto text = tests::input_text(data, size);
  follow_mime(text);
  (void)mta::parse_check(text);
  (void)lookup::message_keys(text, true, true, true);
  net::run_until_done(house.loop, feed_records(house, text));
  const auto records = records_of(text);
  net::run_until_done(house.loop, feed_records(house, records));
  return 0;
}
