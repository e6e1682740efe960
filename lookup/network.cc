// SPDX-License-Identifier: Apache-2.0
#include "lookup/network.h"

#include <arpa/inet.h>

#include "common/base/text.h"

namespace dovetail::lookup {
namespace {

// The address without its bits behind the mask.
std::string masked_bytes(std::string bytes, unsigned bits) {
  for (size_t at = 0; at < bytes.size(); ++at) {
    unsigned keep = bits > at * 8 ? std::min<unsigned>(8, bits - static_cast<unsigned>(at) * 8) : 0;
    bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) & (0xff00u >> keep));
  }
  return bytes;
}

std::string address_text(const std::string& bytes) {
  char text[INET6_ADDRSTRLEN];
  inet_ntop(bytes.size() == 4 ? AF_INET : AF_INET6, bytes.data(), text, sizeof text);
  return text;
}

}  // namespace

std::optional<std::string> address_bytes(std::string_view text) {
  std::string copy(text);
  char bytes[16];
  if (inet_pton(AF_INET, copy.c_str(), bytes) == 1) return std::string(bytes, 4);
  if (inet_pton(AF_INET6, copy.c_str(), bytes) == 1) return std::string(bytes, 16);
  return std::nullopt;
}

Result<net::Network> parse_network(std::string_view pattern) {
  auto [address, mask] = base::cut(pattern, '/');
  if (address.size() > 2 && address.front() == '[' && address.back() == ']') {
    address = address.substr(1, address.size() - 2);
  }
  auto bytes = address_bytes(address);
  if (!bytes) {
    return config_error(
        format("{} \"{}\"", mask ? "bad network value in" : "bad address pattern:", pattern));
  }
  auto whole = static_cast<unsigned>(bytes->size() * 8);
  auto bits = mask ? base::parse_number<unsigned>(*mask) : whole;
  if (!bits) return config_error(format("bad mask value in \"{}\"", pattern));
  if (*bits > whole) return config_error(format("bad mask length in \"{}\"", pattern));
  auto network = masked_bytes(*bytes, *bits);
  if (network != *bytes) {
    return config_error(
        format("non-null host address bits in \"{}\", perhaps you should use \"{}/{}\" instead",
               pattern, address_text(network), *bits));
  }
  return net::Network{std::move(*bytes), *bits};
}

}  // namespace dovetail::lookup
