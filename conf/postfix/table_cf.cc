// SPDX-License-Identifier: Apache-2.0
#include "conf/postfix/table_cf.h"

#include "common/base/file.h"
#include "common/base/text.h"
#include "conf/units.h"

namespace dovetail::conf {

Result<TableCf> TableCf::open(const MainCf& cf, std::string_view type, const std::string& source) {
  if (source.find('/') != std::string::npos) {
    auto text = base::read_file(source);
    if (!text) {
      std::string reason = text.error().text;
      std::string prefix = "open " + source;
      if (reason.starts_with(prefix)) reason = reason.substr(prefix.size());
      return temporary(format("open \"{}\" configuration \"{}\"{}", type, source, reason));
    }
    return parse(source, *text);
  }
  TableCf table;
  table.name_ = source;
  std::string prefix = source + "_";
  for (auto at = cf.entries().lower_bound(prefix);
       at != cf.entries().end() && at->first.starts_with(prefix); ++at) {
    auto value = cf.value(at->first);
    if (!value) return value.error();
    table.entries_[at->first.substr(prefix.size())] = std::move(*value);
  }
  return table;
}

Result<TableCf> TableCf::parse(std::string name, std::string_view text) {
  TableCf table;
  table.name_ = std::move(name);
  for (const LogicalLine& line : logical_lines(table.name_, text)) {
    auto pair = split_name_value(line.text);
    if (!pair) return pair.error().wrap(format("{}, line {}", table.name_, line.line));
    table.entries_[pair->name] = std::move(pair->value);
  }
  return table;
}

bool TableCf::has(std::string_view parameter) const {
  return entries_.find(parameter) != entries_.end();
}

std::string TableCf::get(std::string_view parameter, std::string_view otherwise) const {
  auto at = entries_.find(parameter);
  return at == entries_.end() ? std::string(otherwise) : at->second;
}

Result<int> TableCf::get_int(std::string_view parameter, int otherwise, int min, int max) const {
  auto at = entries_.find(parameter);
  if (at == entries_.end()) return otherwise;
  auto number = base::parse_number<int>(at->second);
  if (!number) {
    return config_error(
        format("{}: bad numerical configuration: {} = {}", name_, parameter, at->second));
  }
  if (min > 0 && *number < min) {
    return config_error(
        format("{}: invalid {} parameter value {} < {}", name_, parameter, *number, min));
  }
  if (max > 0 && *number > max) {
    return config_error(
        format("{}: invalid {} parameter value {} > {}", name_, parameter, *number, max));
  }
  return *number;
}

Result<bool> TableCf::get_bool(std::string_view parameter, bool otherwise) const {
  auto at = entries_.find(parameter);
  if (at == entries_.end()) return otherwise;
  auto value = parse_bool(at->second);
  if (!value) {
    return config_error(
        format("{}: bad boolean configuration: {} = {}", name_, parameter, at->second));
  }
  return *value;
}

}  // namespace dovetail::conf
