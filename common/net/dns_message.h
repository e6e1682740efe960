// DNS messages as bytes: one question out, the answer's records in (RFC 1035 4, RFC 6891 for
// EDNS0). Foreign bytes: every offset is checked, compression pointers may only go back, names end
// at 255 bytes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dovetail::net {

inline constexpr uint16_t kDnsA = 1, kDnsNs = 2, kDnsCname = 5, kDnsPtr = 12, kDnsMx = 15,
                          kDnsTxt = 16, kDnsAaaa = 28, kDnsTlsa = 52;

// nullopt: not a name that fits into a question (empty label, label over 63, name over 253 bytes).
std::optional<std::string> build_dns_query(std::string_view name, uint16_t type, uint16_t id,
                                           bool want_authenticated);

struct DnsRecord {
  std::string name;  // owner, without the final dot
  uint16_t type = 0;
  uint32_t ttl = 0;
  uint16_t preference = 0;  // MX
  std::string data;  // A, AAAA: the bytes; CNAME, NS, PTR, MX: a name without final dot; TXT: the
                     // joined text; else raw
};

struct DnsMessage {
  int rcode = 0;
  bool authenticated = false;
  bool truncated = false;
  std::vector<DnsRecord> answers;
};

// nullopt: malformed.
std::optional<DnsMessage> parse_dns_message(std::string_view bytes);

// "6.100.168.192.in-addr.arpa", "...ip6.arpa" for 4 or 16 address bytes.
std::string reverse_dns_name(std::string_view address_bytes);

}  // namespace dovetail::net
