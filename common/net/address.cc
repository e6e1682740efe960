// SPDX-License-Identifier: Apache-2.0
#include "common/net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>

#include "common/base/text.h"

namespace dovetail::net {
namespace {

const sockaddr_in& as_v4(const SockAddr& a) {
  return *reinterpret_cast<const sockaddr_in*>(a.get());
}
const sockaddr_in6& as_v6(const SockAddr& a) {
  return *reinterpret_cast<const sockaddr_in6*>(a.get());
}
bool is_mapped(const SockAddr& a) {
  return a.family() == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&as_v6(a).sin6_addr);
}

}  // namespace

SockAddr::SockAddr(const sockaddr* address, socklen_t length)
    : length_(std::min<socklen_t>(length, sizeof bytes_)) {
  memcpy(&bytes_, address, length_);
}

std::optional<SockAddr> SockAddr::ip(std::string_view text, uint16_t port) {
  if (text.size() > 2 && text.front() == '[' && text.back() == ']')
    text = text.substr(1, text.size() - 2);
  if (base::istarts_with(text, "ipv6:"))
    text.remove_prefix(5);  // main.cf and address literals write it so
  std::string host(text);
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  if (inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
    return SockAddr(reinterpret_cast<sockaddr*>(&v4), sizeof v4);
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  if (inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) {
    return SockAddr(reinterpret_cast<sockaddr*>(&v6), sizeof v6);
  }
  return std::nullopt;
}

std::optional<SockAddr> SockAddr::unix_path(std::string_view path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) return std::nullopt;
  memcpy(address.sun_path, path.data(), path.size());
  return SockAddr(reinterpret_cast<sockaddr*>(&address), sizeof address);
}

uint16_t SockAddr::port() const {
  if (family() == AF_INET) return ntohs(as_v4(*this).sin_port);
  if (family() == AF_INET6) return ntohs(as_v6(*this).sin6_port);
  return 0;
}

SockAddr SockAddr::with_port(uint16_t port) const {
  SockAddr copy = *this;
  if (family() == AF_INET) reinterpret_cast<sockaddr_in*>(&copy.bytes_)->sin_port = htons(port);
  if (family() == AF_INET6) reinterpret_cast<sockaddr_in6*>(&copy.bytes_)->sin6_port = htons(port);
  return copy;
}

std::string SockAddr::host() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (is_unix()) {
    auto* path = reinterpret_cast<const sockaddr_un*>(get())->sun_path;
    return std::string(path, strnlen(path, length_ > 2 ? length_ - 2 : 0));
  }
  auto bytes = address_bytes();
  if (!bytes.empty())
    inet_ntop(bytes.size() == 4 ? AF_INET : AF_INET6, bytes.data(), text, sizeof text);
  return text;
}

std::string SockAddr::address_bytes() const {
  auto take = [](const void* from, size_t count) {
    return std::string(static_cast<const char*>(from), count);
  };
  if (family() == AF_INET) return take(&as_v4(*this).sin_addr, 4);
  if (is_mapped(*this)) return take(as_v6(*this).sin6_addr.s6_addr + 12, 4);
  if (family() == AF_INET6) return take(&as_v6(*this).sin6_addr, 16);
  return {};
}

bool SockAddr::is_loopback() const {
  auto bytes = address_bytes();
  if (bytes.size() == 4) return bytes[0] == 127;
  return bytes.size() == 16 && bytes == std::string(15, '\0') + '\1';
}

bool operator==(const SockAddr& a, const SockAddr& b) {
  if (a.is_unix() || b.is_unix()) return a.family() == b.family() && a.host() == b.host();
  return a.port() == b.port() && a.address_bytes() == b.address_bytes();
}

SockAddr peer_of(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return {};
  return SockAddr(reinterpret_cast<sockaddr*>(&address), length);
}

SockAddr local_of(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return {};
  return SockAddr(reinterpret_cast<sockaddr*>(&address), length);
}

// Whether the bits from `from` on are all zero.
static bool clear_behind(const std::string& bytes, unsigned from) {
  for (unsigned bit = from; bit < bytes.size() * 8; ++bit) {
    if (static_cast<unsigned char>(bytes[bit / 8]) >> (7 - bit % 8) & 1) return false;
  }
  return true;
}

std::optional<Network> Network::parse(std::string_view text) {
  auto [host, mask] = base::cut(text, '/');
  auto address = SockAddr::ip(host, 0);
  if (!address) return std::nullopt;
  Network network{address->address_bytes(), 0};
  unsigned most = static_cast<unsigned>(network.bytes.size()) * 8;
  auto bits = mask ? base::parse_number<unsigned>(*mask) : most;
  if (!bits || *bits > most || !clear_behind(network.bytes, *bits)) return std::nullopt;
  network.bits = *bits;
  return network;
}

bool Network::contains(const SockAddr& address) const {
  auto other = address.address_bytes();
  if (other.size() != bytes.size()) return false;
  unsigned whole = bits / 8;
  if (memcmp(other.data(), bytes.data(), whole) != 0) return false;
  unsigned rest = bits % 8;
  if (rest == 0) return true;
  auto difference = static_cast<unsigned char>(other[whole] ^ bytes[whole]);
  return difference >> (8 - rest) == 0;
}

}  // namespace dovetail::net
