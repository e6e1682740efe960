// The words of Postfix parameter values: yes/no, numbers, times with a unit, compatibility levels,
// lists with { groups }. Ranges and error texts that name the parameter are made in conf/bind.h.
// Manual: postconf(5).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace dovetail::conf {

using Seconds = std::chrono::seconds;

// "yes" or "no" in any case; anything else is nullopt.
std::optional<bool> parse_bool(std::string_view text);
// A whole decimal number with optional sign; overflow and trailing text are nullopt.
std::optional<long> parse_long(std::string_view text);
// "5d", "30" (then in default_unit, one of s m h d w); nullopt for blanks, signs, other units,
// overflow of int seconds.
std::optional<Seconds> parse_time(std::string_view text, char default_unit = 's');

// compatibility_level: N, N.N or N.N.N; compares as numbers (3.10 > 3.9).
struct CompatLevel {
  int major = 0;
  int minor = 0;
  int patch = 0;
  auto operator<=>(const CompatLevel&) const = default;
};
std::optional<CompatLevel> parse_compat_level(std::string_view text);

inline constexpr std::string_view kListSeparators = ", \t\r\n";
// Elements between separators; { ... } protects separators inside and is kept in the element.
std::vector<std::string> split_list(std::string_view text,
                                    std::string_view separators = kListSeparators);
// "{ text }" -> "text" without outer blanks. The errors are the incumbent's: "missing '}' in "...""
// and "syntax error after '}' in "..."".
Result<std::string> unbrace(std::string_view text);
// What the incumbent goes on with after such an error: the text in the braces, as far as there is
// one.
std::string braced_text(std::string_view text);
// "name = value" -> both parts, blanks around either removed. Errors: "missing '=' after attribute
// name: "..."" and "missing attribute name: "..."".
struct NameValue {
  std::string name;
  std::string value;
};
Result<NameValue> split_name_value(std::string_view text);

}  // namespace dovetail::conf
