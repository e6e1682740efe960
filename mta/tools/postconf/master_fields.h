// The names postconf gives to the columns of master.cf, and its service_name/type/what patterns.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "conf/postfix/master_cf.h"

namespace dovetail::mta::postconf {

inline constexpr std::string_view kFieldNames[] = {
    "service", "type", "private", "unprivileged", "chroot", "wakeup", "process_limit", "command"};

// "smtp/inet/chroot"; "*" and a missing part match everything, an empty part does not count.
struct ServicePattern {
  std::vector<std::string> parts;
  bool matches_part(size_t i, std::string_view text) const;
  bool matches(const conf::MasterService& service) const;
};
ServicePattern parse_service_pattern(std::string_view text);

// Ends the program for a name that is no column.
size_t check_field_name(std::string_view name);

}  // namespace dovetail::mta::postconf
