// "inet:host:port" and "unix:/path", as socketmap: and memcache: name their servers, and "host:port" of tcp:.
// Manuals: socketmap_table(5), memcache_table(5), tcp_table(5).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/net/dns.h"

namespace dovetail::lookup {

struct Endpoint {
  std::string where;  // without the transport, as messages show it
  std::string host;   // empty with a path
  std::string service;
  std::string path;

  // The Errors are the incumbent's, of fault config.
  static Result<Endpoint> parse(std::string_view service);
  static Result<Endpoint> parse_inet(std::string_view address);

  bool needs_resolver() const;
  // The Error says why there is none ("Name or service not known").
  Task<Result<std::vector<SockAddr>>> addresses(net::Resolver* resolver) const;
};

}  // namespace dovetail::lookup
