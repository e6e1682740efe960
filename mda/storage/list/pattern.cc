// See pattern.h.
// SPDX-License-Identifier: Apache-2.0
#include "mda/storage/list/pattern.h"

#include <string>

#include "common/base/text.h"

namespace dovetail::mda {

// Linear in pattern times name: on a mismatch only the last wildcard seen is widened, and a '%' that hits a separator
// gives way to the last '*'.
bool list_match(std::string_view pattern, std::string_view name, char separator) {
  constexpr size_t none = std::string_view::npos;
  size_t p = 0, n = 0;
  size_t star = none, star_at = 0, percent = none, percent_at = 0;
  for (;;) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_at = n;
      percent = none;
    } else if (p < pattern.size() && pattern[p] == '%') {
      percent = p++;
      percent_at = n;
    } else if (p < pattern.size() && n < name.size() && pattern[p] == name[n]) {
      ++p;
      ++n;
    } else if (p == pattern.size() && n == name.size()) {
      return true;
    } else if (percent != none && percent_at < name.size() && name[percent_at] != separator) {
      p = percent + 1;
      n = ++percent_at;
    } else if (star != none && star_at < name.size()) {
      p = star + 1;
      n = ++star_at;
      percent = none;
    } else {
      return false;
    }
  }
}

bool list_match_inbox(std::string_view pattern, std::string_view name, char separator) {
  auto canonical = [separator](std::string_view text) {
    bool inbox = base::istarts_with(text, "INBOX") && (text.size() == 5 || text[5] == separator);
    return inbox ? "INBOX" + std::string(text.substr(5)) : std::string(text);
  };
  std::string_view literal = pattern.substr(0, pattern.find_first_of("*%"));
  if (literal.size() == pattern.size())
    return list_match(canonical(pattern), canonical(name), separator);
  if (name == "INBOX" && literal.size() <= 5) {
    return list_match(base::upper(pattern), name, separator);
  }
  return list_match(canonical(pattern), name, separator);
}

}  // namespace dovetail::mda
