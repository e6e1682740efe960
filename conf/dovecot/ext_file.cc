// dovecot-sql.conf.ext and its like.
// SPDX-License-Identifier: Apache-2.0
#include "conf/dovecot/ext_file.h"

#include <utility>

#include "common/base/file.h"
#include "common/base/text.h"

namespace dovetail::conf::dovecot {

namespace {

Error ext_error(std::string_view file, unsigned line, std::string_view why) {
  return config_error(format("Error in configuration file {} line {}: {}", file, line, why));
}

// A # after a blank begins a comment unless quotes protect it; SQL text often has neither.
std::string_view without_comment(std::string_view text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    char c = text[at];
    if (c == '"' || c == '\'') {
      auto end = text.find(c, at + 1);
      if (end == std::string_view::npos) return text;
      at = end;
    } else if (c == '#' && (at == 0 || base::is_space(text[at - 1]))) {
      return base::trim_right(text.substr(0, at));
    }
  }
  return text;
}

std::string unquoted(std::string_view value) {
  bool quoted =
      value.size() > 1 && (value[0] == '"' || value[0] == '\'') && value.back() == value[0];
  if (!quoted) return std::string(value);
  std::string out;
  for (std::size_t at = 1; at + 1 < value.size(); ++at) {
    if (value[at] == '\\' && at + 2 < value.size()) ++at;
    out += value[at];
  }
  return out;
}

}  // namespace

Result<std::vector<ExtSetting>> parse_ext_file(std::string_view text, std::string_view file) {
  std::vector<ExtSetting> settings;
  std::vector<std::string> sections;
  std::string pending;
  unsigned number = 0;
  while (!text.empty()) {
    auto end = std::min(text.find('\n'), text.size());
    auto line = base::trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.empty() || line[0] == '#') continue;
    line = without_comment(line);
    if (!line.empty() && line.back() == '\\') {
      line.remove_suffix(1);
      pending += base::trim_right(line);
      pending += ' ';
      continue;
    }
    std::string whole = std::exchange(pending, {});
    whole += line;
    if (whole == "}") {
      if (sections.empty()) return ext_error(file, number, "Unexpected '}'");
      sections.pop_back();
      continue;
    }
    auto [left, right] = base::cut(whole, '=');
    auto key = base::trim(left);
    if (right && key.find('{') == std::string_view::npos) {
      settings.push_back({base::join(sections, "/"), std::string(key),
                          Secret(unquoted(base::trim(*right))), number});
    } else if (whole.back() == '{') {
      sections.emplace_back(base::trim(std::string_view(whole).substr(0, whole.size() - 1)));
    } else {
      return ext_error(file, number, "Expecting '='");
    }
  }
  if (!sections.empty()) return ext_error(file, number, "Missing '}'");
  return settings;
}

Result<std::vector<ExtSetting>> read_ext_file(const std::string& path) {
  auto text = base::read_file(path, 16 << 20);
  if (!text) return config_error(text.error().text);
  return parse_ext_file(*text, path);
}

}  // namespace dovetail::conf::dovecot
