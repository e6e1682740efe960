// SPDX-License-Identifier: Apache-2.0
#include "conf/postfix/own_addresses.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <bit>
#include <memory>

#include "common/base/text.h"
#include "conf/units.h"

namespace dovetail::conf {
namespace {

std::string address_bytes(const sockaddr* sa) {
  if (sa->sa_family == AF_INET) {
    const auto& in = reinterpret_cast<const sockaddr_in*>(sa)->sin_addr;
    return {reinterpret_cast<const char*>(&in), sizeof in};
  }
  const auto& in6 = reinterpret_cast<const sockaddr_in6*>(sa)->sin6_addr;
  return {reinterpret_cast<const char*>(&in6), sizeof in6};
}

int count_prefix(std::string_view mask) {
  int bits = 0;
  for (char c : mask) bits += std::popcount(static_cast<unsigned char>(c));
  return bits;
}

bool is_loopback(const OwnAddress& a) {
  if (a.family == AF_INET) return a.bytes[0] == 127;
  return a.bytes == std::string(15, '\0') + '\1';
}

// Interface order, IPv4 first, as the incumbent lists them.
Result<std::vector<OwnAddress>> interface_addresses(const Protocols& protocols) {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return errno_error("getifaddrs", errno);
  std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(list, ::freeifaddrs);
  std::vector<OwnAddress> found;
  for (int family : {AF_INET, AF_INET6}) {
    if (family == AF_INET ? !protocols.ipv4 : !protocols.ipv6) continue;
    for (const ifaddrs* i = list; i != nullptr; i = i->ifa_next) {
      bool usable = i->ifa_addr && i->ifa_addr->sa_family == family && (i->ifa_flags & IFF_UP);
      if (!usable || !i->ifa_netmask) continue;
      std::string mask = address_bytes(i->ifa_netmask);
      found.push_back({family, address_bytes(i->ifa_addr), count_prefix(mask)});
    }
  }
  return found;
}

Result<std::vector<OwnAddress>> host_addresses(std::string host, const Protocols& protocols) {
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (base::istarts_with(host, "ipv6:")) host = host.substr(5);
  addrinfo hints{};
  hints.ai_family = protocols.ipv4 && protocols.ipv6 ? AF_UNSPEC
                    : protocols.ipv4                 ? AF_INET
                                                     : AF_INET6;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &list) != 0) {
    return config_error(format("config variable inet_interfaces: host not found: {}", host));
  }
  std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(list, ::freeaddrinfo);
  std::vector<OwnAddress> found;
  for (const addrinfo* i = list; i != nullptr; i = i->ai_next) {
    if (i->ai_family == AF_INET || i->ai_family == AF_INET6) {
      found.push_back({i->ai_family, address_bytes(i->ai_addr), 0});
    }
  }
  return found;
}

std::string print_network(const OwnAddress& a, int prefix) {
  std::string bytes = a.bytes;
  for (size_t i = 0; i < bytes.size(); ++i) {
    int keep = std::clamp(prefix - static_cast<int>(i) * 8, 0, 8);
    bytes[i] = static_cast<char>(static_cast<unsigned char>(bytes[i]) & (0xff00 >> keep));
  }
  char text[INET6_ADDRSTRLEN] = {};
  ::inet_ntop(a.family, bytes.data(), text, sizeof text);
  return a.family == AF_INET ? format("{}/{}", text, prefix) : format("[{}]/{}", text, prefix);
}

// The network a class A, B or C address lies in, from the time before CIDR.
int class_prefix(const OwnAddress& a) {
  if (a.family != AF_INET) return a.prefix;
  auto first = static_cast<unsigned char>(a.bytes[0]);
  return first < 128 ? 8 : first < 192 ? 16 : first < 224 ? 24 : 32;
}

}  // namespace

Result<Protocols> inet_protocols(const MainCf& cf) {
  auto value = cf.value("inet_protocols");
  if (!value) return value.error();
  Protocols chosen{false, false};
  for (const std::string& word : split_list(*value)) {
    bool all = base::iequals(word, "all");
    bool ipv4 = all || base::iequals(word, "ipv4"), ipv6 = all || base::iequals(word, "ipv6");
    if (!ipv4 && !ipv6) {
      return config_error(format("unknown inet_protocols value \"{}\" in \"{}\"", word, *value));
    }
    chosen = {chosen.ipv4 || ipv4, chosen.ipv6 || ipv6};
  }
  if (!chosen.ipv4 && !chosen.ipv6) return Protocols{};
  return chosen;
}

Result<std::vector<OwnAddress>> own_addresses(const MainCf& cf) {
  auto protocols = inet_protocols(cf);
  if (!protocols) return protocols.error();
  auto local = interface_addresses(*protocols);
  if (!local) return local.error();
  auto value = cf.value("inet_interfaces");
  if (!value) return value.error();
  std::vector<OwnAddress> chosen;
  for (const std::string& word : split_list(*value)) {
    if (base::iequals(word, "all")) return local;
    if (base::iequals(word, "loopback-only")) {
      std::copy_if(local->begin(), local->end(), std::back_inserter(chosen), is_loopback);
      continue;
    }
    auto named = host_addresses(word, *protocols);
    if (!named) return named.error();
    for (const OwnAddress& a : *named) {
      auto at = std::find_if(local->begin(), local->end(),
                             [&](const auto& l) { return l.bytes == a.bytes; });
      if (at == local->end()) {
        return config_error(
            format("parameter inet_interfaces: no local interface found for {}", word));
      }
      chosen.push_back(*at);
    }
  }
  return chosen;
}

Result<std::string> own_networks(const MainCf& cf) {
  auto style = cf.value("mynetworks_style");
  if (!style) return style.error();
  bool by_class = base::iequals(*style, "class"), subnet = base::iequals(*style, "subnet");
  if (!by_class && !subnet && !base::iequals(*style, "host")) {
    return config_error(format("unknown mynetworks mask style value \"{0}\" in \"{0}\"", *style));
  }
  auto addresses = own_addresses(cf);
  if (!addresses) return addresses.error();
  std::vector<std::string> networks;
  for (const OwnAddress& a : *addresses) {
    int full = a.family == AF_INET ? 32 : 128;
    std::string network = print_network(a, by_class ? class_prefix(a) : subnet ? a.prefix : full);
    if (std::find(networks.begin(), networks.end(), network) == networks.end()) {
      networks.push_back(std::move(network));
    }
  }
  return base::join(networks, " ");
}

Result<void> check_hostname(const std::string& name) {
  bool digits_only = true;
  size_t label = 0;
  if (name.empty()) return config_error("empty hostname");
  for (size_t i = 0; i < name.size(); ++i) {
    char c = name[i];
    bool last = i + 1 == name.size();
    if (base::is_alnum(c) || c == '_') {
      if (++label > 63)
        return config_error(format("hostname label too long: {}...", name.substr(0, 100)));
      digits_only = digits_only && base::is_digit(c);
    } else if (c == '.') {
      if (label == 0 || last) return config_error(format("misplaced delimiter: {}", name));
      label = 0;
    } else if (c == '-') {
      if (++label == 1 || last || name[i + 1] == '.')
        return config_error(format("misplaced hyphen: {}", name));
      digits_only = false;
    } else {
      return config_error(
          format("invalid character {}(decimal): {}", static_cast<unsigned char>(c), name));
    }
  }
  if (digits_only) return config_error(format("numeric hostname: {}", name));
  if (name.size() > 255)
    return config_error(format("bad length {} for {}...", name.size(), name.substr(0, 100)));
  return {};
}

}  // namespace dovetail::conf
