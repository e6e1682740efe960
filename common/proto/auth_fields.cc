// SPDX-License-Identifier: Apache-2.0
#include "common/proto/auth_fields.h"

#include <algorithm>

namespace dovetail::proto {

namespace {

struct EscapedByte {
  char byte, code;
};
constexpr EscapedByte escaped_bytes[] = {
    {'\0', '0'}, {'\001', '1'}, {'\t', 't'}, {'\r', 'r'}, {'\n', 'n'}};

}  // namespace

std::string tab_escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    auto found = std::find_if(std::begin(escaped_bytes), std::end(escaped_bytes),
                              [c](const EscapedByte& row) { return row.byte == c; });
    if (found == std::end(escaped_bytes)) {
      out += c;
    } else {
      out += '\001';
      out += found->code;
    }
  }
  return out;
}

// An unknown code stands for itself, a lone \001 at the end vanishes.
std::string tab_unescape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\001') {
      out += text[i];
      continue;
    }
    if (++i == text.size()) break;
    const char code = text[i];
    auto found = std::find_if(std::begin(escaped_bytes), std::end(escaped_bytes),
                              [code](const EscapedByte& row) { return row.code == code; });
    out += found == std::end(escaped_bytes) ? code : found->byte;
  }
  return out;
}

std::string raw_words(const std::vector<std::string_view>& words, size_t first) {
  std::string text;
  for (size_t i = first; i < words.size(); ++i) {
    if (i > first) text += '\t';
    text += words[i];
  }
  return text;
}

AuthFields AuthFields::parse(const std::vector<std::string_view>& words, size_t first) {
  AuthFields fields;
  for (size_t i = first; i < words.size(); ++i) {
    if (words[i].empty()) continue;
    const auto equals = words[i].find('=');
    if (equals == std::string_view::npos) {
      fields.add_flag(tab_unescape(words[i]));
    } else {
      fields.add(tab_unescape(words[i].substr(0, equals)),
                 tab_unescape(words[i].substr(equals + 1)));
    }
  }
  return fields;
}

void AuthFields::set(std::string_view name, std::string value) {
  for (auto& field : fields_) {
    if (field.name != name) continue;
    field.value = std::move(value);
    field.flag = false;
    return;
  }
  add(std::string(name), std::move(value));
}

void AuthFields::remove(std::string_view name) {
  std::erase_if(fields_, [name](const AuthField& field) { return field.name == name; });
}

bool AuthFields::has(std::string_view name) const {
  return get(name).has_value();
}

std::optional<std::string> AuthFields::get(std::string_view name) const {
  for (auto at = fields_.rbegin(); at != fields_.rend(); ++at) {
    if (at->name == name) return at->value;
  }
  return std::nullopt;
}

std::string AuthFields::text() const {
  std::string out;
  for (const auto& field : fields_) {
    out += '\t';
    out += tab_escape(field.name);
    if (field.flag) continue;
    out += '=';
    out += tab_escape(field.value);
  }
  return out;
}

}  // namespace dovetail::proto
