// What a user's message in the maildrop may consist of: record types per segment, attributes by name.
// Used by postdrop, which is set-gid: nothing here reads files or parameters.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "mta/queue/record.h"

namespace dovetail::mta {

class DropFilter {
 public:
  enum class Verdict { keep, skip, refuse, end };
  // One record in the order of the stream. refuse: its type may not stand here. skip: a malformed or unknown attribute;
  // why() says which. end: the E record, to be kept.
  Verdict add(RecordType type, std::string_view data);
  const std::string& why() const { return why_; }

 private:
  Verdict attribute(std::string_view data);

  enum class Segment { envelope, content, extracted } segment_ = Segment::envelope;
  std::string why_;
};

}  // namespace dovetail::mta
