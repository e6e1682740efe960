// Which recipient goes when: transports, their destinations in turn, connections to the delivery agents.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/log.h"
#include "common/net/conn.h"
#include "mta/delivery/request.h"
#include "mta/qmgr/destination.h"
#include "mta/qmgr/message.h"

namespace dovetail::mta {

class Scheduler {
 public:
  // Called for each recipient that could not be given to any agent: qmgr writes the defer entry itself.
  using DeferHere =
      std::function<Task<>(std::shared_ptr<ActiveMessage>, mail::Recipient, mail::DsnText)>;

  Scheduler(net::Loop& loop, const conf::MainCf& cf, const QmgrParameters& parameters, Logger log,
            DeferHere defer_here);
  ~Scheduler();

  // Recipients of one message with one resolution. May start deliveries at once.
  Result<void> add(std::shared_ptr<ActiveMessage> message, const std::string& transport,
                   const std::string& nexthop, std::vector<mail::Recipient> recipients);
  // Forgets dead destinations and transports (postqueue -f).
  void revive_all();
  size_t deliveries() const { return deliveries_; }

 private:
  struct Transport;
  Transport* transport(const std::string& name);
  void pump(Transport& transport);
  Task<> deliver(Transport& transport, std::shared_ptr<Destination> destination, Entry entry);
  Task<bool> exchange(Transport& transport, const Destination& destination, Entry& entry,
                      Conn& agent, DeliveryDone& done);
  Task<std::unique_ptr<Conn>> connect(Transport& transport);
  Task<> defer_unreported(Entry& entry, mail::DsnText reason);
  void destination_failed(Transport& transport, std::shared_ptr<Destination> destination,
                          const mail::DsnText& reason);
  void pause_for_rate(Transport& transport, std::shared_ptr<Destination> destination);
  void end_timer(Transport& transport, std::string_view kind, const Destination& destination);
  void transport_failed(Transport& transport);
  // Mail for a dead destination or transport goes to the retry agent, which defers it with the reason.
  void suspend(Transport& transport, std::vector<Entry> entries, const mail::DsnText& reason);
  DeliveryRequest request_for(const Destination& destination, const Entry& entry) const;

  net::Loop& loop_;
  const conf::MainCf& cf_;
  const QmgrParameters& parameters_;
  Logger log_;
  DeferHere defer_here_;
  std::map<std::string, std::unique_ptr<Transport>, std::less<>> transports_;
  std::deque<std::unique_ptr<net::Timer>> finished_timers_;
  size_t deliveries_ = 0;
};

}  // namespace dovetail::mta
