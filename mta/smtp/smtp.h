// smtp, lmtp and relay: takes delivery requests, finds the hosts, sends, and tells each recipient's fate. Sessions that
// more mail waits for are kept for a moment (smtp_connection_cache_on_demand). Manuals: smtp(8), lmtp(8).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>

#include "lookup/maps.h"
#include "mta/delivery/agent.h"
#include "mta/smtp/session.h"
#include "mta/smtp/targets.h"
#include "mta/smtp/transaction.h"

namespace dovetail::mta {

class SmtpRole : public AgentRole {
 public:
  Result<void> prepare_agent(service::Context& context) override;
  void start(service::Context& context) override;
  Task<> deliver(service::Context& context, Delivery& delivery) override;
  void drain(service::Context& context) override;

 private:
  // What is known of each recipient between two hosts.
  struct Progress;
  struct UnderWay;

  Task<> try_targets(Delivery& delivery, const Nexthop& hop, std::vector<Target> targets, Progress& progress);
  Task<std::unique_ptr<SmtpSession>> connect(Delivery& delivery, const Nexthop& hop, const Target& target, Progress& progress);
  Task<bool> use(Delivery& delivery, const Nexthop& hop, std::unique_ptr<SmtpSession> session, Progress& progress, bool last);
  Task<> settle(Delivery& delivery, SmtpSession& session, TransactionResult result, Progress& progress, bool last);
  Task<Result<std::optional<SaslCredentials>>> credentials(const Nexthop& hop, const Target& target);
  std::unique_ptr<SmtpSession> take_cached(const std::string& key);
  void keep(const std::string& key, std::unique_ptr<SmtpSession> session);
  void expire_cache();

  SmtpParameters parameters_;
  std::shared_ptr<net::Resolver> resolver_;
  std::unique_ptr<TargetFinder> finder_;
  std::unique_ptr<TlsPolicies> tls_policies_;
  lookup::Maps passwords_;
  struct Kept {
    std::unique_ptr<SmtpSession> session;
    base::Milliseconds until;
  };
  std::map<std::string, std::deque<Kept>> cache_;
  std::map<std::string, unsigned> under_way_;  // deliveries by next hop
  std::unique_ptr<net::Timer> cache_timer_;
};

}  // namespace dovetail::mta
