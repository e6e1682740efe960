// What a row of header_checks or body_checks asks for. Manual: header_checks(5).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace dovetail::mta {

enum class CheckVerb {
  unknown,
  bcc,
  discard,
  dunno,
  filter,
  hold,
  ignore,
  info,
  pass,
  prepend,
  redirect,
  reject,
  replace,
  strip,
  warn
};

struct CheckAction {
  CheckVerb verb = CheckVerb::unknown;
  std::string_view name;  // lower case, as logs show it
  std::string text;
};
CheckAction parse_check(std::string_view value);

}  // namespace dovetail::mta
