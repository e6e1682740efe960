// SPDX-License-Identifier: Apache-2.0
#include "mta/smtpd/names.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/net/address.h"

namespace dovetail::mta::smtpd {
namespace {

constexpr size_t kMaxHostname = 255;
constexpr size_t kMaxLabel = 63;

bool is_label(std::string_view label, bool utf8) {
  if (label.empty() || label.front() == '-' || label.back() == '-') return false;
  if (!utf8 && label.size() > kMaxLabel) return false;
  return std::all_of(label.begin(), label.end(), [&](char c) {
    return base::is_alnum(c) || c == '-' || c == '_' ||
           (utf8 && static_cast<unsigned char>(c) > 127);
  });
}

}  // namespace

bool is_hostname(std::string_view name, bool utf8) {
  if (name.empty() || name.size() > kMaxHostname) return false;
  if (utf8 && !base::is_utf8(name)) return false;
  bool letters = false;
  for (auto label : base::split(name, '.')) {
    if (!is_label(label, utf8)) return false;
    letters = letters || !std::all_of(label.begin(), label.end(), base::is_digit);
  }
  return letters;  // all numeric: an address, not a name
}

bool is_host_address(std::string_view text) {
  return !text.empty() && text.front() != '[' && SockAddr::ip(text, 0).has_value();
}

bool is_address_literal(std::string_view text) {
  if (text.size() < 3 || text.front() != '[' || text.back() != ']') return false;
  auto inner = text.substr(1, text.size() - 2);
  if (base::istarts_with(inner, "IPv6:")) {
    auto address = inner.substr(5);
    return address.find(':') != address.npos && is_host_address(address);
  }
  return inner.find(':') == inner.npos && is_host_address(inner);
}

Result<mail::Path> parse_smtp_path(std::string_view text, bool strict, Empty empty) {
  auto path = mail::parse_path(text, strict);
  if (!path) return path.error();
  if (path->address.empty()) {
    if (empty == Empty::refused) return permanent("empty address");
    return path;
  }
  auto domain = mail::split_address(path->address).second;
  if (!domain) return path;
  auto name = base::trim_right(*domain, ".");
  if (domain->size() > name.size() + 1) return permanent("empty label");
  if (!is_hostname(name, !base::is_ascii(name)) && !is_address_literal(*domain))
    return permanent("bad domain");
  return path;
}

}  // namespace dovetail::mta::smtpd
