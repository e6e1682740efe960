// The parent's keys of TLS session tickets: made when it starts, replaced after each period, handed to all processes. A key
// is good for writing during one period and for reading during the next, so a session may live one period.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "common/base/secret.h"
#include "common/net/loop.h"
#include "common/net/tls_tickets.h"
#include "common/service/supervisor.h"

namespace dovetail::service {

class TicketRotation {
 public:
  TicketRotation(Loop& loop, Supervisor& supervisor)
      : supervisor_(supervisor), timer_(loop, [this] { rotate(); }) {}

  // At a reload the keys stay, whatever the period is now.
  void set_period(std::chrono::seconds period) {
    bool first = keys_.newest() == nullptr;
    if (!first && period == period_) return;
    period_ = period;
    if (first)
      rotate();
    else
      timer_.start(period_);
  }

 private:
  void rotate() {
    keys_.rotate();
    supervisor_.set_tickets(keys_.encode());
    timer_.start(period_);
  }

  Supervisor& supervisor_;
  net::TicketKeys keys_;
  std::chrono::seconds period_{3600};
  net::Timer timer_;
};

}  // namespace dovetail::service
