// SPDX-License-Identifier: Apache-2.0
#include "mta/smtp/nexthop.h"

#include "common/base/text.h"

namespace dovetail::mta {

namespace {

Result<Nexthop> parse_nexthop(std::string_view word, bool lmtp) {
  Nexthop hop;
  hop.text = word;
  if (word.starts_with("unix:")) {
    hop.unix_path = word.substr(5);
    if (hop.unix_path.empty()) return permanent(format("bad destination: \"{}\"", word));
    return hop;
  }
  if (word.starts_with("inet:")) word.remove_prefix(5);
  bool brackets = word.starts_with("[");
  hop.use_mx = !brackets && !lmtp;
  auto end = brackets ? word.find(']') : word.find(':');
  if (brackets && end == word.npos) return permanent(format("bad destination: \"{}\"", word));
  hop.host = brackets ? word.substr(1, end - 1) : word.substr(0, end);
  auto rest = brackets ? word.substr(end + 1) : word.substr(std::min(end, word.size()));
  if (rest.starts_with(":"))
    hop.port = rest.substr(1);
  else if (!rest.empty())
    return permanent(format("bad destination: \"{}\"", word));
  if (hop.host.empty()) return permanent(format("bad destination: \"{}\"", word));
  if (base::istarts_with(hop.host, "ipv6:")) hop.host.erase(0, 5);
  return hop;
}

}  // namespace

Result<std::vector<Nexthop>> parse_nexthops(std::string_view text, bool lmtp) {
  std::vector<Nexthop> hops;
  for (auto word : base::words(text, ", \t\r\n")) {
    auto hop = parse_nexthop(word, lmtp);
    if (!hop) return hop.error();
    hops.push_back(std::move(*hop));
  }
  if (hops.empty()) return permanent("bad destination: \"\"");
  return hops;
}

}  // namespace dovetail::mta
