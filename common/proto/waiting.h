// The connections of a daemon that wait for their next request. A daemon that drains hangs up on those and lets the others
// finish what they do.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>

#include "common/proto/attr.h"

namespace dovetail::proto {

class WaitingRequests {
 public:
  // The next request of CONN, at most LIMIT bytes; after drain(), and for who waits then, IoError (cancelled).
  Task<Result<Attributes>> next(Conn& conn, size_t limit = kAttrLimit);
  void drain();

 private:
  std::set<Conn*> waiting_;
  bool draining_ = false;
};

}  // namespace dovetail::proto
