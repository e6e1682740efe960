// SPDX-License-Identifier: Apache-2.0
#include "mta/cleanup/checks.h"

#include "common/base/text.h"

namespace dovetail::mta {

namespace {

struct CheckName {
  std::string_view word, shown;
  CheckVerb verb;
};
// clang-format off
constexpr CheckName check_names[] = {
    {"BCC", "bcc", CheckVerb::bcc},             {"DISCARD", "discard", CheckVerb::discard}, {"DUNNO", "dunno", CheckVerb::dunno},
    {"OK", "ok", CheckVerb::dunno},             {"FILTER", "filter", CheckVerb::filter},    {"HOLD", "hold", CheckVerb::hold},
    {"IGNORE", "ignore", CheckVerb::ignore},    {"INFO", "info", CheckVerb::info},          {"PASS", "pass", CheckVerb::pass},
    {"PREPEND", "prepend", CheckVerb::prepend}, {"REDIRECT", "redirect", CheckVerb::redirect},
    {"REJECT", "reject", CheckVerb::reject},    {"REPLACE", "replace", CheckVerb::replace}, {"STRIP", "strip", CheckVerb::strip},
    {"WARN", "warning", CheckVerb::warn},
};
// clang-format on

}  // namespace

CheckAction parse_check(std::string_view value) {
  std::string_view trimmed = base::trim(value);
  size_t end = trimmed.find_first_of(" \t");
  std::string_view word = trimmed.substr(0, end);
  CheckAction action;
  if (end != std::string_view::npos) action.text = base::trim(trimmed.substr(end));
  for (const CheckName& row : check_names) {
    if (!base::iequals(row.word, word)) continue;
    action.verb = row.verb;
    action.name = row.shown;
  }
  return action;
}

}  // namespace dovetail::mta
