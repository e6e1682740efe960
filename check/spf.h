// The SPF record of a domain asked about one address: RFC 7208 without macros and exists (which say "not known" here).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "common/net/dns.h"

namespace dovetail::check {

enum class Spf { no_domain, none, pass, neutral, soft_fail, fail, error, temporary };

struct SpfAnswer {
  Spf result = Spf::none;
  std::string why;  // the record, or what is wrong with it
};

Task<SpfAnswer> check_spf(net::Resolver& resolver, std::string domain, std::string address);

}  // namespace dovetail::check
