// From a next hop to the addresses to try, in order (RFC 5321 5.1; RFC 7505 for the null MX).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/mail/dsn.h"
#include "common/net/dns.h"
#include "mta/smtp/nexthop.h"
#include "mta/smtp/parameters.h"

namespace dovetail::mta {

struct Target {
  std::string name;  // host name as logged
  SockAddr address;
  int preference = 0;
  std::string
      shown;  // "mail.example.org[192.0.2.1]:25", "mx.example.test[private/dovecot-lmtp]": relay=
  std::string session;  // the same without the port: "host NAME[ADDR] said"
};

struct TargetList {
  std::vector<Target> targets;
  // No target: why. A status of class 5 bounces, one of class 4 defers.
  mail::DsnText problem;
};

class TargetFinder {
 public:
  TargetFinder(std::shared_ptr<net::Resolver> resolver, const SmtpParameters& parameters,
               std::vector<std::string> own_addresses);
  Task<TargetList> find(Nexthop hop);

 private:
  Task<TargetList> find_mx(const Nexthop& hop, uint16_t port);
  Task<mail::DsnText> add_host(std::vector<Target>& targets, std::string host, int preference,
                               uint16_t port);
  void drop_own(TargetList& list, const std::string& domain) const;
  void order(std::vector<Target>& targets) const;

  std::shared_ptr<net::Resolver> resolver_;
  const SmtpParameters& parameters_;
  std::vector<std::string> own_addresses_;  // bytes
  bool ipv4_, ipv6_;
};

}  // namespace dovetail::mta
