// One destination (transport and next hop): its waiting deliveries and its concurrency window. Pure bookkeeping: no I/O, no
// clock of its own; the scheduler drives it (reference card b, "Concurrency window per destination").
//
// Messages take turns: a list with a thousand recipients does not hold up the single mail behind it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/mail/dsn.h"
#include "common/mail/envelope.h"
#include "mta/qmgr/parameters.h"

namespace dovetail::mta {

class ActiveMessage;

// Recipients of one message that go in one delivery.
struct Entry {
  std::shared_ptr<ActiveMessage> message;
  std::vector<mail::Recipient> recipients;
};

class Destination {
 public:
  // key: what the transport knows it by (next hop, or recipient and next hop).
  Destination(std::string key, std::string nexthop, const TransportParameters& parameters);

  const std::string& key() const { return key_; }
  const std::string& nexthop() const { return nexthop_; }
  void add(Entry entry);
  bool has_waiting() const { return !jobs_.empty(); }
  size_t waiting() const;
  // Whether one more delivery may start now.
  bool ready() const {
    return has_waiting() && !dead_ && !paused_ && busy_ < static_cast<int>(window_);
  }
  // Takes the next delivery; call only when ready().
  Entry take();
  // What is left when the destination is given up.
  std::vector<Entry> take_all();

  // A delivery has ended: nothing was learnt about the destination; it was reached; or it was at fault.
  void ended() { --busy_; }
  void succeeded();
  // True: it is dead now; `reason` is what its mail is deferred with until revive().
  bool failed(const mail::DsnText& reason);
  void revive();

  bool is_dead() const { return dead_; }
  const mail::DsnText& reason() const { return reason_; }
  int busy() const { return busy_; }
  double window() const { return window_; }
  void pause(bool paused) { paused_ = paused; }  // destination_rate_delay
  bool idle() const { return jobs_.empty() && busy_ == 0 && !dead_ && !paused_; }

 private:
  struct Job {
    ActiveMessage* message;
    std::deque<Entry> entries;
  };

  std::string key_, nexthop_;
  const TransportParameters& parameters_;
  std::deque<Job> jobs_;
  int busy_ = 0;
  double window_, success_ = 0, failure_ = 0, failed_cohorts_ = 0;
  bool dead_ = false, paused_ = false;
  mail::DsnText reason_;
};

}  // namespace dovetail::mta
