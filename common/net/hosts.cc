// SPDX-License-Identifier: Apache-2.0
#include "common/net/hosts.h"

#include <algorithm>

#include "common/base/text.h"

namespace dovetail::net {

Hosts Hosts::parse(std::string_view text) {
  Hosts hosts;
  for (auto line : base::split(text, '\n')) {
    auto parts = base::words(line.substr(0, line.find('#')));
    if (parts.size() < 2) continue;
    auto address = SockAddr::ip(parts[0], 0);
    if (!address) continue;
    hosts.rows_.push_back({*address, {parts.begin() + 1, parts.end()}});
  }
  return hosts;
}

std::vector<SockAddr> Hosts::addresses(std::string_view name) const {
  std::vector<SockAddr> found;
  for (auto& row : rows_) {
    auto same = [&](const std::string& other) { return base::iequals(other, name); };
    if (std::any_of(row.names.begin(), row.names.end(), same)) found.push_back(row.address);
  }
  return found;
}

std::vector<std::string> Hosts::names(const SockAddr& address) const {
  for (auto& row : rows_) {
    if (row.address.address_bytes() == address.address_bytes()) return row.names;
  }
  return {};
}

bool nsswitch_reads_files(std::string_view text) {
  for (auto line : base::split(text, '\n')) {
    auto parts = base::words(line.substr(0, line.find('#')));
    if (parts.empty() || parts[0] != "hosts:") continue;
    return std::find(parts.begin(), parts.end(), "files") != parts.end();
  }
  return true;
}

}  // namespace dovetail::net
