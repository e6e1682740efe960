// SPDX-License-Identifier: Apache-2.0
#include "mta/resolve/interfaces.h"

#include <ifaddrs.h>
#include <netdb.h>
#include <net/if.h>

#include <cerrno>
#include <memory>

#include "common/base/text.h"

namespace dovetail::mta {

namespace {

struct WantedFamilies {
  bool ipv4 = false, ipv6 = false;
  bool has(int family) const { return family == AF_INET ? ipv4 : family == AF_INET6 && ipv6; }
};

WantedFamilies wanted_families(std::string_view inet_protocols) {
  WantedFamilies wanted;
  for (std::string_view word : base::words(inet_protocols, ", \t\r\n")) {
    wanted.ipv4 |= base::iequals(word, "all") || base::iequals(word, "ipv4");
    wanted.ipv6 |= base::iequals(word, "all") || base::iequals(word, "ipv6");
  }
  return wanted;
}

Result<std::vector<SockAddr>> interface_addresses(const WantedFamilies& wanted,
                                                  bool loopback_only) {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return errno_error("getifaddrs", errno);
  std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(list, freeifaddrs);
  std::vector<SockAddr> out;
  for (ifaddrs* at = list; at; at = at->ifa_next) {
    if (!at->ifa_addr || !(at->ifa_flags & IFF_UP) || !wanted.has(at->ifa_addr->sa_family))
      continue;
    if (loopback_only && !(at->ifa_flags & IFF_LOOPBACK)) continue;
    socklen_t length = at->ifa_addr->sa_family == AF_INET ? 16 : 28;
    out.emplace_back(at->ifa_addr, length);
  }
  return out;
}

Result<void> add_host(std::string_view host, const WantedFamilies& wanted,
                      std::string_view parameter, std::vector<SockAddr>& out) {
  if (auto address = SockAddr::ip(host, 0)) {
    if (wanted.has(address->family())) out.push_back(*address);
    return {};
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  int failure = getaddrinfo(std::string(host).c_str(), nullptr, &hints, &found);
  if (failure != 0)
    return config_error(
        format("config variable {}: host not found: {}", parameter, base::printable(host)));
  std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, freeaddrinfo);
  for (addrinfo* at = found; at; at = at->ai_next) {
    if (wanted.has(at->ai_family)) out.emplace_back(at->ai_addr, at->ai_addrlen);
  }
  return {};
}

}  // namespace

Result<std::vector<SockAddr>> own_addresses(std::string_view inet_interfaces,
                                            std::string_view inet_protocols) {
  WantedFamilies wanted = wanted_families(inet_protocols);
  if (base::iequals(base::trim(inet_interfaces), "all")) return interface_addresses(wanted, false);
  if (base::iequals(base::trim(inet_interfaces), "loopback-only"))
    return interface_addresses(wanted, true);
  std::vector<SockAddr> out;
  for (std::string_view host : base::words(inet_interfaces, ", \t\r\n")) {
    if (auto added = add_host(host, wanted, "inet_interfaces", out); !added) return added.error();
  }
  return out;
}

Result<std::vector<SockAddr>> proxy_addresses(std::string_view proxy_interfaces,
                                              std::string_view inet_protocols) {
  WantedFamilies wanted = wanted_families(inet_protocols);
  std::vector<SockAddr> out;
  for (std::string_view host : base::words(proxy_interfaces, ", \t\r\n")) {
    if (auto added = add_host(host, wanted, "proxy_interfaces", out); !added) return added.error();
  }
  return out;
}

std::optional<SockAddr> domain_literal(std::string_view domain) {
  if (domain.size() < 3 || domain.front() != '[' || domain.back() != ']') return std::nullopt;
  std::string_view text = domain.substr(1, domain.size() - 2);
  if (base::istarts_with(text, "IPv6:")) text.remove_prefix(5);  // RFC 5321 4.1.3
  return SockAddr::ip(text, 0);
}

bool contains_address(const std::vector<SockAddr>& list, const SockAddr& address) {
  std::string bytes = address.address_bytes();
  for (const SockAddr& own : list) {
    if (own.address_bytes() == bytes) return true;
  }
  return false;
}

}  // namespace dovetail::mta
