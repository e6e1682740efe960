// Speaks Postfix's policy delegation protocol with one policy server: attributes, an empty line, "action=..." back.
// Connections are kept and used again; a server that cannot be reached gets a few tries, then the default action.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/result.h"
#include "common/net/conn.h"
#include "common/net/dns.h"

namespace dovetail::mta::smtpd {

struct SmtpdParameters;

// "unix:path", "inet:host:port", or "{ endpoint, timeout=10s, default_action=DUNNO, ... }" over the parameters' defaults.
struct PolicySettings {
  std::string endpoint;
  std::string default_action, policy_context;
  base::Seconds timeout{100}, max_idle{300}, max_ttl{1000}, retry_delay{1};
  int request_limit = 0, try_limit = 2;
};
Result<PolicySettings> parse_policy_settings(std::string_view argument, const SmtpdParameters& p);

class PolicyClient {
 public:
  PolicyClient(net::Loop& loop, std::shared_ptr<net::Resolver> dns, Logger log,
               Result<PolicySettings> settings);

  // The action, or the default one. An Error: the endpoint itself is not understood.
  Task<Result<std::string>> ask(std::string request);
  const std::string& policy_context() const { return context_; }

 private:
  struct Link {
    Link(net::Loop& loop, base::Fd fd) : conn(loop, std::move(fd)) {}
    Conn conn;
    base::Milliseconds born = base::monotonic_now(), used = born;
    int requests = 0;
  };
  Task<Result<std::unique_ptr<Link>>> link();
  Task<Result<base::Fd>> connect();
  Task<Result<std::string>> ask_once(const std::string& request);
  std::unique_ptr<Link> take_idle();

  net::Loop& loop_;
  std::shared_ptr<net::Resolver> dns_;
  Logger log_;
  Result<PolicySettings> settings_;
  std::string context_;
  std::vector<std::unique_ptr<Link>> idle_;
};

}  // namespace dovetail::mta::smtpd
