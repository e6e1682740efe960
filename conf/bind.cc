// SPDX-License-Identifier: Apache-2.0
#include "conf/bind.h"

#include <climits>

#include "common/base/text.h"
#include "conf/postfix/parameters.h"

namespace dovetail::conf {
namespace {

// The row that says type and range: the parameter's own, or that of the default a transport's
// parameter stands in for.
const Parameter* governing_row(std::string_view name) {
  if (const Parameter* row = find_parameter(name)) return row;
  auto family = find_transport_parameter(name);
  return family ? find_parameter(family->family->default_name) : nullptr;
}

Error wrong_binding(std::string_view name, std::string_view wanted) {
  return config_error(format("parameter {} is not {} in the parameter table", name, wanted));
}

Result<void> check_number_range(std::string_view name, long number, const Parameter& row) {
  if (row.min > 0 && number < row.min) {
    return config_error(format("invalid {} parameter value {} < {}", name, number, row.min));
  }
  if (row.max > 0 && number > row.max) {
    return config_error(format("invalid {} parameter value {} > {}", name, number, row.max));
  }
  return {};
}

bool holds_number(Type type) {
  return type == Type::integer || type == Type::nint || type == Type::long_integer;
}

}  // namespace

Result<std::string> read_string(const MainCf& cf, std::string_view name) {
  const Parameter* row = governing_row(name);
  if (!row) return wrong_binding(name, "known");
  auto text = cf.value(name);
  if (!text || (row->type != Type::str && row->type != Type::raw)) return text;
  long length = static_cast<long>(text->size());
  if (row->min > 0 && length < row->min) {
    return config_error(
        format("bad string length {} < {}: {} = {}", length, row->min, name, *text));
  }
  if (row->max > 0 && length > row->max) {
    return config_error(
        format("bad string length {} > {}: {} = {}", length, row->max, name, *text));
  }
  return text;
}

Result<long> read_long(const MainCf& cf, std::string_view name) {
  const Parameter* row = governing_row(name);
  if (!row || !holds_number(row->type)) return wrong_binding(name, "a number");
  auto text = cf.value(name);
  if (!text) return text.error();
  auto number = parse_long(*text);
  bool fits =
      number && (row->type == Type::long_integer || (*number >= INT_MIN && *number <= INT_MAX));
  if (!fits) return config_error(format("bad numerical configuration: {} = {}", name, *text));
  if (auto in_range = check_number_range(name, *number, *row); !in_range) return in_range.error();
  return *number;
}

Result<int> read_int(const MainCf& cf, std::string_view name) {
  auto number = read_long(cf, name);
  if (!number) return number.error();
  if (*number < INT_MIN || *number > INT_MAX) return wrong_binding(name, "an int");
  return static_cast<int>(*number);
}

Result<bool> read_bool(const MainCf& cf, std::string_view name) {
  const Parameter* row = governing_row(name);
  if (!row || (row->type != Type::boolean && row->type != Type::nboolean)) {
    return wrong_binding(name, "a boolean");
  }
  auto text = cf.value(name);
  if (!text) return text.error();
  auto value = parse_bool(*text);
  if (!value) return config_error(format("bad boolean configuration: {} = {}", name, *text));
  return *value;
}

Result<Seconds> read_time(const MainCf& cf, std::string_view name) {
  const Parameter* row = governing_row(name);
  if (!row || row->type != Type::time) return wrong_binding(name, "a time");
  auto text = cf.value(name);
  if (!text) return text.error();
  auto value = parse_time(*text, row->unit == ' ' ? 's' : row->unit);
  if (!value) return config_error(format("parameter {}: bad time value or unit: {}", name, *text));
  if (row->min > 0 && value->count() < row->min) {
    return config_error(format("invalid {}: {} (min {})", name, value->count(), row->min));
  }
  if (row->max > 0 && value->count() > row->max) {
    return config_error(format("invalid {}: {} (max {})", name, value->count(), row->max));
  }
  return *value;
}

Result<std::vector<std::string>> read_list(const MainCf& cf, std::string_view name) {
  auto text = read_string(cf, name);
  if (!text) return text.error();
  return split_list(*text);
}

}  // namespace dovetail::conf
