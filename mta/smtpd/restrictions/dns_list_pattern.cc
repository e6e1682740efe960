// SPDX-License-Identifier: Apache-2.0
#include "mta/smtpd/restrictions/dns_list_pattern.h"

#include <optional>
#include <utility>
#include <vector>

#include "common/base/text.h"

namespace dovetail::mta::smtpd {
namespace {

using Ranges = std::vector<std::pair<int, int>>;

std::optional<int> octet(std::string_view text) {
  auto number = base::parse_number<int>(text);
  if (!number || *number < 0 || *number > 255) return std::nullopt;
  return number;
}

std::optional<Ranges> octet_ranges(std::string_view text) {
  Ranges ranges;
  if (text.empty()) return std::nullopt;
  if (text.front() != '[') {
    auto number = octet(text);
    if (!number) return std::nullopt;
    return Ranges{{*number, *number}};
  }
  for (auto part : base::split(text.substr(1, text.size() - 2), ';')) {
    auto dots = part.find("..");
    auto low = octet(part.substr(0, dots));
    auto high = dots == part.npos ? low : octet(part.substr(dots + 2));
    if (!low || !high || *low > *high) return std::nullopt;
    ranges.emplace_back(*low, *high);
  }
  return ranges;
}

// Cuts at dots outside brackets.
std::vector<std::string_view> pattern_octets(std::string_view pattern) {
  std::vector<std::string_view> parts;
  size_t start = 0;
  bool inside = false;
  for (size_t i = 0; i <= pattern.size(); ++i) {
    if (i < pattern.size() && pattern[i] == '[') inside = true;
    if (i < pattern.size() && pattern[i] == ']') inside = false;
    if (i < pattern.size() && (pattern[i] != '.' || inside)) continue;
    parts.push_back(pattern.substr(start, i - start));
    start = i + 1;
  }
  return parts;
}

}  // namespace

bool is_dns_list_pattern(std::string_view pattern) {
  auto parts = pattern_octets(pattern);
  if (parts.size() != 4) return false;
  for (auto part : parts) {
    if (part.size() > 1 && part.front() == '[' && part.back() != ']') return false;
    if (!octet_ranges(part)) return false;
  }
  return true;
}

bool matches_dns_list_pattern(std::string_view pattern, std::string_view address) {
  if (!is_dns_list_pattern(pattern)) return false;
  auto parts = pattern_octets(pattern);
  auto numbers = base::split(address, '.');
  if (numbers.size() != 4) return false;
  for (size_t i = 0; i < 4; ++i) {
    auto value = octet(numbers[i]);
    auto ranges = octet_ranges(parts[i]);
    bool inside = false;
    for (auto& [low, high] : *ranges) inside = inside || (value && *value >= low && *value <= high);
    if (!inside) return false;
  }
  return true;
}

}  // namespace dovetail::mta::smtpd
