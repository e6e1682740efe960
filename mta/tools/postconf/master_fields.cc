// SPDX-License-Identifier: Apache-2.0
#include "mta/tools/postconf/master_fields.h"

#include <algorithm>

#include "common/base/text.h"
#include "mta/tools/postconf/postconf.h"

namespace dovetail::mta::postconf {

bool ServicePattern::matches_part(size_t i, std::string_view text) const {
  return i >= parts.size() || parts[i] == "*" || parts[i] == text;
}

bool ServicePattern::matches(const conf::MasterService& service) const {
  return matches_part(0, service.name) && matches_part(1, service.type);
}

ServicePattern parse_service_pattern(std::string_view text) {
  ServicePattern pattern;
  for (std::string_view part : base::split(text, '/')) {
    if (!part.empty()) pattern.parts.emplace_back(part);
  }
  return pattern;
}

size_t check_field_name(std::string_view name) {
  auto at = std::find(std::begin(kFieldNames), std::end(kFieldNames), name);
  if (at == std::end(kFieldNames) && name != "*")
    fatal(format("invalid service attribute name: \"{}\"", name));
  return static_cast<size_t>(at - std::begin(kFieldNames));
}

}  // namespace dovetail::mta::postconf
