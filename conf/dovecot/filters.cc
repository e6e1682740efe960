// Filters: networks, matching, order.
// SPDX-License-Identifier: Apache-2.0
#include "conf/dovecot/filters.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "common/base/text.h"

namespace dovetail::conf::dovecot {

namespace {

// The address's 4 or 16 bytes; empty if it is none.
std::string address_bytes(std::string_view text) {
  std::string zeroed(text);
  unsigned char bytes[16];
  if (inet_pton(AF_INET, zeroed.c_str(), bytes) == 1) return std::string(bytes, bytes + 4);
  if (inet_pton(AF_INET6, zeroed.c_str(), bytes) == 1) return std::string(bytes, bytes + 16);
  return {};
}

Result<std::string> look_up_host(std::string_view host, std::string& printed) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  int failed = getaddrinfo(std::string(host).c_str(), nullptr, &hints, &found);
  if (failed != 0)
    return config_error(format("gethostbyname({}) failed: {}", host, gai_strerror(failed)));
  char name[NI_MAXHOST] = "";
  getnameinfo(found->ai_addr, found->ai_addrlen, name, sizeof name, nullptr, 0, NI_NUMERICHOST);
  freeaddrinfo(found);
  printed = name;
  return address_bytes(printed);
}

bool address_in(const Filter::Net& net, const std::string& address) {
  if (net.bytes.size() != address.size()) return false;
  std::size_t whole = net.bits / 8;
  if (net.bytes.compare(0, whole, address, 0, whole) != 0) return false;
  unsigned rest = net.bits % 8;
  if (rest == 0) return true;
  auto mask = static_cast<unsigned char>(0xff << (8 - rest));
  return (static_cast<unsigned char>(net.bytes[whole]) & mask) ==
         (static_cast<unsigned char>(address[whole]) & mask);
}

// The address may be that of a network (doveconf -f): its mask does not count.
bool net_matches(const Filter::Net& net, const std::string& address) {
  if (net.bytes.empty()) return true;
  return !address.empty() && address_in(net, address_bytes(base::cut(address, '/').first));
}

bool protocol_matches(const std::string& filter, const std::string& protocol) {
  if (filter.empty()) return true;
  if (protocol.empty()) return false;
  return filter[0] == '!' ? filter.substr(1) != protocol : filter == protocol;
}

// local_name "a.org *.b.org": a star stands for the first label.
bool local_name_matches(const std::string& filter, const std::string& name) {
  if (filter.empty()) return true;
  if (name.empty()) return false;
  for (auto pattern : base::words(filter, " ,")) {
    if (base::iequals(pattern, name)) return true;
    auto dot = name.find('.');
    if (pattern.substr(0, 2) == "*." && dot != std::string::npos &&
        base::iequals(pattern.substr(1), std::string_view(name).substr(dot))) {
      return true;
    }
  }
  return false;
}

// The command line, then the most specific first: local_name, local bits, remote bits, protocol.
bool taken_before(const Filter& a, const Filter& b) {
  if (a.command_line != b.command_line) return a.command_line;
  if (a.local_name.empty() != b.local_name.empty()) return !a.local_name.empty();
  if (a.local.bits != b.local.bits) return a.local.bits > b.local.bits;
  if (a.remote.bits != b.remote.bits) return a.remote.bits > b.remote.bits;
  return !a.protocol.empty() && b.protocol.empty();
}

template <class Matches>
std::vector<std::size_t> filters_where(const std::vector<Filter>& filters, Matches matches) {
  std::vector<std::size_t> found;
  for (std::size_t at = 0; at < filters.size(); ++at) {
    if (matches(filters[at])) found.push_back(at);
  }
  std::stable_sort(found.begin(), found.end(), [&](std::size_t a, std::size_t b) {
    return taken_before(filters[a], filters[b]);
  });
  return found;
}

}  // namespace

Result<void> parse_filter_net(std::string_view text, Filter::Net& net, std::string& printed) {
  auto [host, mask] = base::cut(text, '/');
  printed = host;
  net.bytes = address_bytes(host);
  if (net.bytes.empty()) {
    auto looked_up = look_up_host(host, printed);
    if (!looked_up) return looked_up.error();
    net.bytes = *looked_up;
  }
  auto all = static_cast<unsigned>(net.bytes.size() * 8);
  net.bits = all;
  if (mask) {
    auto bits = base::parse_number<unsigned>(*mask);
    if (!bits || *bits > all) return config_error(format("Invalid network mask: {}", *mask));
    net.bits = *bits;
  }
  if (net.bits != all) printed += format("/{}", net.bits);
  return {};
}

bool net_contains(const Filter::Net& outer, const Filter::Net& inner) {
  if (outer.bytes.empty()) return true;
  return inner.bits >= outer.bits && address_in(outer, inner.bytes);
}

bool filter_matches(const Filter& filter, const Selector& who) {
  return protocol_matches(filter.protocol, who.protocol) &&
         net_matches(filter.local, who.local_ip) && net_matches(filter.remote, who.remote_ip) &&
         local_name_matches(filter.local_name, who.local_name);
}

std::vector<std::size_t> matching_filters(const std::vector<Filter>& filters, const Selector& who) {
  return filters_where(filters, [&](const Filter& filter) { return filter_matches(filter, who); });
}

std::vector<std::size_t> enclosing_filters(const std::vector<Filter>& filters,
                                           const Filter& inner) {
  return filters_where(filters, [&](const Filter& filter) {
    bool protocol = filter.protocol.empty() || filter.protocol == inner.protocol ||
                    (!inner.protocol.empty() && inner.protocol[0] != '!' &&
                     protocol_matches(filter.protocol, inner.protocol));
    return protocol && (filter.local_name.empty() || filter.local_name == inner.local_name) &&
           (filter.local.bytes.empty() ||
            (!inner.local.bytes.empty() && net_contains(filter.local, inner.local))) &&
           (filter.remote.bytes.empty() ||
            (!inner.remote.bytes.empty() && net_contains(filter.remote, inner.remote)));
  });
}

std::vector<std::size_t> filters_from_wide_to_narrow(const std::vector<Filter>& filters) {
  std::vector<std::size_t> order(filters.size());
  for (std::size_t at = 0; at < order.size(); ++at) order[at] = at;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return taken_before(filters[b], filters[a]);
  });
  return order;
}

bool filter_superset(const Filter& outer, const Filter& inner) {
  if (outer.local.bits > inner.local.bits || outer.remote.bits > inner.remote.bits) return false;
  if (!outer.local_name.empty() && inner.local_name.empty()) return false;
  return outer.protocol.empty() || !inner.protocol.empty();
}

bool same_filter(const Filter& a, const Filter& b) {
  return a.protocol == b.protocol && a.local_name == b.local_name &&
         a.local.bytes == b.local.bytes && a.local.bits == b.local.bits &&
         a.remote.bytes == b.remote.bytes && a.remote.bits == b.remote.bits;
}

bool is_global(const Filter& filter) {
  return filter.protocol.empty() && filter.local_name.empty() && filter.local.bytes.empty() &&
         filter.remote.bytes.empty();
}

}  // namespace dovetail::conf::dovecot
