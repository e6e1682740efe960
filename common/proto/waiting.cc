// Hangs up on connections that wait for a request when their daemon drains.
// SPDX-License-Identifier: Apache-2.0
#include "common/proto/waiting.h"

namespace dovetail::proto {

Task<Result<Attributes>> WaitingRequests::next(Conn& conn, size_t limit) {
  struct Waiting {
    std::set<Conn*>& all;
    Conn* conn;
    ~Waiting() { all.erase(conn); }
  } waiting{waiting_, &conn};
  waiting_.insert(&conn);
  if (draining_) conn.cancel();
  auto request = co_await read_attributes(conn, limit);
  co_return request;
}

void WaitingRequests::drain() {
  draining_ = true;
  for (auto* conn : waiting_) conn->cancel();
}

}  // namespace dovetail::proto
