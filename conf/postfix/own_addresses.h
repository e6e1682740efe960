// The addresses this host has, as inet_interfaces and inet_protocols choose them, and mynetworks
// made from them by mynetworks_style. Other users: the loop check of the SMTP client,
// proxy_interfaces, listeners of master.cf. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>

#include <string>
#include <vector>

#include "common/base/result.h"
#include "conf/postfix/main_cf.h"

namespace dovetail::conf {

struct OwnAddress {
  int family = AF_INET;
  std::string bytes;  // 4 or 16, network order
  int prefix = 32;    // of its interface's netmask
};

// ipv4, ipv6 of inet_protocols. The error: unknown inet_protocols value "x" in "x".
struct Protocols {
  bool ipv4 = true;
  bool ipv6 = true;
};
Result<Protocols> inet_protocols(const MainCf& cf);

// Every address of the interfaces that inet_interfaces names ("all", "loopback-only", hosts,
// addresses).
Result<std::vector<OwnAddress>> own_addresses(const MainCf& cf);

// The default of mynetworks: "127.0.0.0/8 192.0.2.0/24 [::1]/128".
Result<std::string> own_networks(const MainCf& cf);

// Whether a host name may be myhostname or mydomain; the error is the reason ("misplaced hyphen:
// -bad-").
Result<void> check_hostname(const std::string& name);

}  // namespace dovetail::conf
