// Questions to the DNS without blocking (c-ares carries them; questions and answers are built and
// parsed in dns_message). "No such name" and "could not find out" are different values and must
// stay so: the second is always temporary.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/net/address.h"
#include "common/net/loop.h"

namespace dovetail::net {

enum class DnsStatus {
  ok,         // at least one record
  no_data,    // the name exists, but has no record of this type
  not_found,  // NXDOMAIN
  temporary,  // no answer, SERVFAIL, refused, malformed
};

template <class T>
struct DnsAnswer {
  DnsStatus status = DnsStatus::temporary;
  std::vector<T> records;
  bool authenticated = false;  // AD bit, from a resolver that may be trusted (loopback or trust-ad)
  uint32_t ttl = 0;            // smallest of the records
  std::string
      error;  // incumbent's words: "Host not found", "Host not found, try again", "... no data"
};

struct MxRecord {
  uint16_t preference = 0;
  std::string host;  // without the final dot; "" is the null MX (RFC 7505)
};

class Resolver {
 public:
  virtual ~Resolver() = default;
  virtual Task<DnsAnswer<MxRecord>> mx(std::string name) = 0;
  virtual Task<DnsAnswer<std::string>> ns(std::string name) = 0;
  virtual Task<DnsAnswer<SockAddr>> a(std::string name) = 0;
  virtual Task<DnsAnswer<SockAddr>> aaaa(std::string name) = 0;
  virtual Task<DnsAnswer<std::string>> txt(std::string name) = 0;
  virtual Task<DnsAnswer<std::string>> ptr(SockAddr address) = 0;

  // Addresses as getaddrinfo would give them: /etc/hosts first (nsswitch "files dns"), then A and
  // AAAA as the families allow, IPv4 before IPv6. A numeric name is itself.
  virtual Task<DnsAnswer<SockAddr>> host_addresses(std::string name, bool ipv4, bool ipv6) = 0;
  // The names of an address, /etc/hosts first.
  virtual Task<DnsAnswer<std::string>> host_names(SockAddr address) = 0;
};

// Reads /etc/resolv.conf, /etc/nsswitch.conf and /etc/hosts now (before a chroot).
std::shared_ptr<Resolver> make_resolver(Loop& loop);

}  // namespace dovetail::net
