// Socket addresses and networks as values: IPv4, IPv6, Unix paths; text in the forms main.cf and
// logs use.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dovetail::net {

class SockAddr {
 public:
  SockAddr() = default;
  SockAddr(const sockaddr* address, socklen_t length);
  // A numeric IPv4 or IPv6 address, IPv6 without or with brackets; nullopt for anything else.
  static std::optional<SockAddr> ip(std::string_view text, uint16_t port);
  // A path of at most 107 bytes; a longer one gives nullopt.
  static std::optional<SockAddr> unix_path(std::string_view path);

  bool is_ip() const { return family() == AF_INET || family() == AF_INET6; }
  bool is_unix() const { return family() == AF_UNIX; }
  int family() const { return reinterpret_cast<const sockaddr*>(&bytes_)->sa_family; }
  uint16_t port() const;
  SockAddr with_port(uint16_t port) const;
  // "192.168.100.6", "2001:db8::1" (no brackets), the path, or "" for an unbound unix peer.
  // V4-mapped IPv6 reads as IPv4.
  std::string host() const;
  // The address bytes: 4 or 16 (V4-mapped as 4).
  std::string address_bytes() const;
  bool is_loopback() const;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&bytes_); }
  socklen_t length() const { return length_; }
  friend bool operator==(const SockAddr& a, const SockAddr& b);

 private:
  sockaddr_storage bytes_{};
  socklen_t length_ = 0;
};

SockAddr peer_of(int fd);
SockAddr local_of(int fd);

// A block of addresses, "192.168.100.0/24", "::1", "[2001:db8::]/32".
struct Network {
  std::string bytes;  // 4 or 16
  unsigned bits = 0;

  // nullopt: not an address, bits out of range, or bits set behind the mask ("non-null host address
  // bits").
  static std::optional<Network> parse(std::string_view text);
  bool contains(const SockAddr& address) const;
};

}  // namespace dovetail::net

namespace dovetail {
using net::SockAddr;
}
