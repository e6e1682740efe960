// SPDX-License-Identifier: Apache-2.0
#include "mta/tools/postdrop/drop_filter.h"

#include "common/base/text.h"

namespace dovetail::mta {

namespace {

struct DropAttribute {
  std::string_view name;
  std::string_view values;  // allowed words; empty: any
};
// clang-format off
constexpr DropAttribute drop_attributes[] = {
    {"rewrite_context", "local remote"}, {"encoding", "7bit 8bit none"}, {"trace_flags", ""},  {"dsn_orig_rcpt", ""},
    {"notify_flags", ""},                {"smtputf8", ""},               {"envelope_id", ""},  {"ret_flags", ""},
};
// clang-format on

bool is_allowed(std::string_view name, std::string_view value) {
  for (const DropAttribute& row : drop_attributes) {
    if (row.name != name) continue;
    if (row.values.empty()) return true;
    for (std::string_view word : base::words(row.values)) {
      if (word == value) return true;
    }
  }
  return false;
}

}  // namespace

DropFilter::Verdict DropFilter::attribute(std::string_view data) {
  auto [name, value] = base::cut(data, '=');
  if (!value || base::trim(name).empty()) {
    why_ = format("ignoring malformed record: {}", base::printable(data.substr(0, 200)));
    return Verdict::skip;
  }
  if (is_allowed(name, *value)) return Verdict::keep;
  why_ = format("ignoring attribute record: {}", base::printable(data.substr(0, 200)));
  return Verdict::skip;
}

DropFilter::Verdict DropFilter::add(RecordType type, std::string_view data) {
  std::string_view allowed = segment_ == Segment::envelope  ? kMaildropEnvelopeTypes
                             : segment_ == Segment::content ? kMaildropContentTypes
                                                            : kMaildropExtractedTypes;
  if (allowed.find(type) == std::string_view::npos) {
    why_ = format("unexpected record type: {}", static_cast<int>(static_cast<unsigned char>(type)));
    return Verdict::refuse;
  }
  if (segment_ != Segment::content && type == kRecAttr) return attribute(data);
  if (type == kRecMessage) segment_ = Segment::content;
  if (type == kRecExtracted) segment_ = Segment::extracted;
  return type == kRecEnd ? Verdict::end : Verdict::keep;
}

}  // namespace dovetail::mta
