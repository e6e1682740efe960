// SPDX-License-Identifier: Apache-2.0
#include "conf/units.h"

#include <limits>
#include <algorithm>
#include <climits>

#include "common/base/text.h"

namespace dovetail::conf {

std::optional<bool> parse_bool(std::string_view text) {
  if (base::iequals(text, "yes")) return true;
  if (base::iequals(text, "no")) return false;
  return std::nullopt;
}

std::optional<long> parse_long(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  return base::parse_number<long>(text);
}

std::optional<Seconds> parse_time(std::string_view text, char default_unit) {
  if (text.empty()) return std::nullopt;
  char unit = default_unit;
  if (base::is_alpha(text.back())) {
    unit = text.back();
    text.remove_suffix(1);
  }
  auto number = base::parse_number<long>(text);
  if (!number || *number < 0) return std::nullopt;
  long factor = unit == 's'   ? 1
                : unit == 'm' ? 60
                : unit == 'h' ? 3600
                : unit == 'd' ? 86400
                : unit == 'w' ? 7 * 86400
                              : 0;
  if (factor == 0 || *number > INT_MAX / factor) return std::nullopt;
  return Seconds(*number * factor);
}

std::optional<CompatLevel> parse_compat_level(std::string_view text) {
  auto parts = base::split(text, '.');
  if (parts.size() > 3) return std::nullopt;
  CompatLevel level;
  int* fields[] = {&level.major, &level.minor, &level.patch};
  for (size_t i = 0; i < parts.size(); ++i) {
    auto number = base::parse_number<long>(parts[i]);
    if (!number || *number < 0) return std::nullopt;
    *fields[i] = static_cast<int>(std::min<long>(*number, std::numeric_limits<int>::max()));
  }
  return level;
}

std::vector<std::string> split_list(std::string_view text, std::string_view separators) {
  std::vector<std::string> elements;
  std::string element;
  int depth = 0;
  for (char c : text) {
    if (c == '{') ++depth;
    if (c == '}' && depth > 0) --depth;
    bool between = depth == 0 && separators.find(c) != std::string_view::npos;
    if (!between) element += c;
    if (between && !element.empty()) elements.push_back(std::exchange(element, {}));
  }
  if (!element.empty()) elements.push_back(std::move(element));
  return elements;
}

Result<std::string> unbrace(std::string_view text) {
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '{') ++depth;
    if (text[i] != '}' || --depth > 0) continue;
    if (i + 1 < text.size()) {
      return config_error(format("syntax error after '}}' in \"{}\"", text));
    }
    return std::string(base::trim(text.substr(1, i - 1)));
  }
  return config_error(format("missing '}}' in \"{}\"", text));
}

std::string braced_text(std::string_view text) {
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '{') ++depth;
    if (text[i] == '}' && --depth == 0) return std::string(base::trim(text.substr(1, i - 1)));
  }
  return std::string(base::trim(text.substr(std::min<size_t>(1, text.size()))));
}

Result<NameValue> split_name_value(std::string_view text) {
  std::string_view rest = base::trim_left(text);
  size_t end = rest.find_first_of("= \t\r\n\v\f");
  std::string_view name = rest.substr(0, end);
  if (name.empty()) return config_error(format("missing attribute name: \"{}\"", text));
  rest = base::trim_left(rest.substr(name.size()));
  if (!rest.starts_with('=')) {
    return config_error(format("missing '=' after attribute name: \"{}\"", text));
  }
  rest.remove_prefix(1);
  return NameValue{std::string(name), std::string(base::trim(rest))};
}

}  // namespace dovetail::conf
