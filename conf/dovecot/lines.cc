// Lines of dovecot.conf.
// SPDX-License-Identifier: Apache-2.0
#include "conf/dovecot/lines.h"

#include <utility>

#include "common/base/text.h"

namespace dovetail::conf::dovecot {

namespace {

constexpr std::string_view kConfBlank = " \t\r\f\v";

bool conf_blank(char c) {
  return kConfBlank.find(c) != std::string_view::npos;
}

// Where the comment begins; quotes of both kinds protect a #, an unclosed one to the end of the line.
std::size_t comment_start(std::string_view text, bool& ambiguous) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    char c = text[at];
    if (c == '"' || c == '\'') {
      for (++at; at < text.size() && text[at] != c; ++at) {
        if (text[at] == '\\') ++at;
      }
    } else if (c == '#') {
      ambiguous = at > 0 && !conf_blank(text[at - 1]);
      return at;
    }
  }
  return text.size();
}

Line line_error(std::string why) {
  Line line;
  line.kind = Line::Kind::error;
  line.value = std::move(why);
  return line;
}

Line setting_line(std::string_view key, std::string_view value) {
  Line line;
  line.kind = Line::Kind::setting;
  line.key = key;
  bool quoted =
      value.size() > 1 && (value[0] == '"' || value[0] == '\'') && value.back() == value[0];
  if (quoted) {
    line.value = unescape_quoted(value.substr(1, value.size() - 2));
  } else if (!value.empty() && value[0] == '<') {
    line.from_file = true;
    line.value = base::trim_left(value.substr(1), kConfBlank);
  } else {
    line.value = value;
    line.expand = value.find('$') != std::string_view::npos;
  }
  return line;
}

// "key name {" or "key {"; rest is what follows the key.
Line block_line(std::string_view key, std::string_view rest) {
  Line line;
  line.kind = Line::Kind::block;
  line.key = key;
  if (!rest.empty() && rest[0] == '"') {
    std::size_t end = 1;
    while (end < rest.size() && rest[end] != '"') end += rest[end] == '\\' ? 2 : 1;
    if (end >= rest.size()) return line_error("Expecting '{'");
    line.value = unescape_quoted(rest.substr(1, end - 1));
    rest.remove_prefix(end + 1);
  } else if (rest.empty() || rest[0] != '{') {
    std::size_t end = 0;
    while (end < rest.size() && !conf_blank(rest[end])) ++end;
    line.value = rest.substr(0, end);
    rest.remove_prefix(end);
  }
  rest = base::trim_left(rest, kConfBlank);
  if (rest.empty() || rest[0] != '{') return line_error("Expecting '{'");
  if (rest.size() > 1) return line_error("Garbage after '{'");
  return line;
}

Line form_of(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() && !conf_blank(text[end]) && text[end] != '=') ++end;
  auto key = text.substr(0, end);
  auto rest = base::trim_left(text.substr(end), kConfBlank);
  if (key == "!include" || key == "!include_try") {
    Line line;
    line.kind = key == "!include" ? Line::Kind::include : Line::Kind::include_try;
    line.value = rest;
    return line;
  }
  if (!rest.empty() && rest[0] == '=')
    return setting_line(key, base::trim_left(rest.substr(1), kConfBlank));
  if (key == "}" && rest.empty()) {
    Line line;
    line.kind = Line::Kind::block_end;
    return line;
  }
  return block_line(key, rest);
}

}  // namespace

std::string unescape_quoted(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\' && at + 1 < text.size()) ++at;
    out += text[at];
  }
  return out;
}

Line LineReader::read(std::string_view text) {
  text = base::trim_left(text, kConfBlank);
  // A line that says nothing also drops what a continuation has collected: the incumbent's habit.
  if (text.empty() || text[0] == '#') {
    pending_.clear();
    return {};
  }
  bool ambiguous = false;
  text = base::trim_right(text.substr(0, comment_start(text, ambiguous)), kConfBlank);
  Line line;
  if (!text.empty() && text.back() == '\\') {
    text.remove_suffix(1);
    pending_ += base::trim_right(text, kConfBlank);
    pending_ += ' ';
  } else {
    std::string whole = std::exchange(pending_, {});
    whole += text;
    line = form_of(whole);
  }
  line.ambiguous_comment = ambiguous;
  return line;
}

}  // namespace dovetail::conf::dovecot
