// /etc/hosts and the "hosts:" line of /etc/nsswitch.conf, read once at start.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/net/address.h"

namespace dovetail::net {

class Hosts {
 public:
  Hosts() = default;
  static Hosts parse(std::string_view text);

  std::vector<SockAddr> addresses(std::string_view name) const;
  std::vector<std::string> names(const SockAddr& address) const;

 private:
  struct Row {
    SockAddr address;
    std::vector<std::string> names;
  };
  std::vector<Row> rows_;
};

// Whether "files" stands before "dns" (the usual order; also without the file or the line).
bool nsswitch_reads_files(std::string_view text);

}  // namespace dovetail::net
