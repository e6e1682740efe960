// SPDX-License-Identifier: Apache-2.0
#include "mta/resolve/interfaces.h"

#include <netdb.h>

#include <memory>

#include "common/base/text.h"
#include "conf/postfix/own_addresses.h"

namespace dovetail::mta {

namespace {

// proxy_interfaces: names and addresses of relays in front; they need not be on this host.
Result<void> add_proxy(std::string_view host, std::vector<std::string>& out) {
  if (auto address = SockAddr::ip(host, 0)) {
    out.push_back(address->address_bytes());
    return {};
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(std::string(host).c_str(), nullptr, &hints, &found) != 0)
    return config_error(
        format("parameter proxy_interfaces: host not found: {}", base::printable(host)));
  std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, freeaddrinfo);
  for (addrinfo* at = found; at; at = at->ai_next)
    out.push_back(SockAddr(at->ai_addr, at->ai_addrlen).address_bytes());
  return {};
}

}  // namespace

Result<std::vector<std::string>> final_addresses(const conf::MainCf& main_cf) {
  auto own = conf::own_addresses(main_cf);
  if (!own) return own.error();
  std::vector<std::string> out;
  for (const conf::OwnAddress& address : *own) out.push_back(address.bytes);
  std::string proxies = main_cf.get("proxy_interfaces");
  for (std::string_view host : base::words(proxies, ", \t\r\n")) {
    if (auto added = add_proxy(host, out); !added) return added.error();
  }
  return out;
}

std::optional<SockAddr> domain_literal(std::string_view domain) {
  if (domain.size() < 3 || domain.front() != '[' || domain.back() != ']') return std::nullopt;
  std::string_view text = domain.substr(1, domain.size() - 2);
  if (base::istarts_with(text, "IPv6:")) text.remove_prefix(5);  // RFC 5321 4.1.3
  return SockAddr::ip(text, 0);
}

}  // namespace dovetail::mta
