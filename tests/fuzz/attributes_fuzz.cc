// Any bytes as what the daemons of the MTA say to each other: attribute lists, and the requests, reports, queue listings and
// delivery jobs made of them. A list that was understood must come back the same.
// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "common/proto/attr.h"
#include "mta/delivery/bounce_request.h"
#include "mta/delivery/request.h"
#include "mta/local/job.h"
#include "mta/resolve/rewrite_client.h"
#include "mta/tools/postqueue/listing.h"
#include "tests/fuzz/support.h"

using namespace dovetail;

namespace {

void read_list(const proto::Attributes& list) {
  const auto encoded = list.encode();
  std::string_view rest = encoded;
  auto again = proto::decode_attributes(rest);
  tests::refuse(!again || !rest.empty() || again->all() != list.all());
  if (auto request = mta::DeliveryRequest::decode(list)) {
    auto same = mta::DeliveryRequest::decode(request->encode());
    tests::refuse(!same || same->envelope.recipients.size() != request->envelope.recipients.size());
  }
  (void)mta::AgentMessage::decode(list);
  if (auto request = mta::BounceRequest::decode(list);
      request && !mta::BounceRequest::decode(request->encode()))
    abort();
  (void)mta::decode_resolution(list);
  (void)mta::Job::decode(list).encode();
  (void)mta::JobResult::decode(list).encode();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto input = tests::input_text(data, size);
  for (auto rest = input; !rest.empty();) {
    const auto before = rest.size();
    auto list = proto::decode_attributes(rest);
    if (!list || rest.size() >= before) break;
    read_list(*list);
  }
  mta::QueueTable table(size % 2 == 0);
  for (auto rest = input; !rest.empty();) {
    const auto before = rest.size();
    auto listed = mta::take_listed(rest);
    if (!listed || rest.size() >= before) break;
    auto entry = mta::ListedEntry::parse(*listed);
    if (!entry) continue;
    (void)table.entry(*entry);
    const auto json = mta::json_entry(*entry);
    tests::refuse(json.empty() || json.find('\n') != json.size() - 1);
  }
  (void)table.end();
  return 0;
}
