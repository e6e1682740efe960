// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"

#include <algorithm>
#include <array>

namespace dovetail::base {

std::string_view trim_left(std::string_view text, std::string_view what) {
  auto at = text.find_first_not_of(what);
  return at == text.npos ? std::string_view() : text.substr(at);
}

std::string_view trim_right(std::string_view text, std::string_view what) {
  return text.substr(0, text.find_last_not_of(what) + 1);
}

std::string_view trim(std::string_view text, std::string_view what) {
  return trim_right(trim_left(text, what), what);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    auto at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == text.npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::vector<std::string_view> words(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> found;
  for (;;) {
    auto start = text.find_first_not_of(separators);
    if (start == text.npos) return found;
    text.remove_prefix(start);
    auto end = text.find_first_of(separators);
    found.push_back(text.substr(0, end));
    if (end == text.npos) return found;
    text.remove_prefix(end);
  }
}

std::pair<std::string_view, std::optional<std::string_view>> cut(std::string_view text,
                                                                 char separator) {
  auto at = text.find(separator);
  if (at == text.npos) return {text, std::nullopt};
  return {text.substr(0, at), text.substr(at + 1)};
}

std::pair<std::string_view, std::optional<std::string_view>> cut_last(std::string_view text,
                                                                      char separator) {
  auto at = text.rfind(separator);
  if (at == text.npos) return {text, std::nullopt};
  return {text.substr(0, at), text.substr(at + 1)};
}

std::string join(const std::vector<std::string>& parts, std::string_view between) {
  std::string all;
  for (auto& part : parts) {
    if (&part != &parts.front()) all += between;
    all += part;
  }
  return all;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), to_lower);
  return out;
}

std::string upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), to_upper);
  return out;
}

bool iequals(std::string_view a, std::string_view b) {
  auto same = [](char x, char y) { return to_lower(x) == to_lower(y); };
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), same);
}

bool istarts_with(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && iequals(text.substr(0, prefix.size()), prefix);
}

bool ILess::operator()(std::string_view a, std::string_view b) const {
  auto less = [](char x, char y) { return to_lower(x) < to_lower(y); };
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), less);
}

std::string replace_all(std::string_view text, std::string_view what, std::string_view with) {
  std::string out;
  if (what.empty()) return std::string(text);
  for (;;) {
    auto at = text.find(what);
    out += text.substr(0, at);
    if (at == text.npos) return out;
    out += with;
    text.remove_prefix(at + what.size());
  }
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 128; });
}

// Length of the valid UTF-8 sequence at the start of text, 0 when there is none (RFC 3629 4).
static size_t utf8_sequence(std::string_view text) {
  auto at = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  auto tail = [&](size_t i) { return (at(i) & 0xC0) == 0x80; };
  unsigned c = at(0);
  if (c < 0x80) return 1;
  if (c >= 0xC2 && c <= 0xDF) return tail(1) ? 2 : 0;
  if (c >= 0xE0 && c <= 0xEF) {
    bool range = !(c == 0xE0 && at(1) < 0xA0) && !(c == 0xED && at(1) > 0x9F);
    return range && tail(1) && tail(2) ? 3 : 0;
  }
  if (c >= 0xF0 && c <= 0xF4) {
    bool range = !(c == 0xF0 && at(1) < 0x90) && !(c == 0xF4 && at(1) > 0x8F);
    return range && tail(1) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    auto length = utf8_sequence(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string printable(std::string_view text, bool utf8) {
  std::string out(text);
  bool keep_high = utf8 && is_utf8(text);
  for (auto& c : out) {
    auto u = static_cast<unsigned char>(c);
    if (u < 32 || u == 127 || (u > 127 && !keep_high)) c = '?';
  }
  return out;
}

std::string hex(std::string_view bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (char c : bytes) {
    auto u = static_cast<unsigned char>(c);
    out += digits[u >> 4];
    out += digits[u & 15];
  }
  return out;
}

static int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  c = to_lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::optional<std::string> unhex(std::string_view text) {
  if (text.size() % 2) return std::nullopt;
  std::string out;
  for (size_t i = 0; i < text.size(); i += 2) {
    int high = hex_value(text[i]), low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
  }
  return out;
}

static constexpr char kBase64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string base64(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    auto byte = [&](size_t k) {
      return k < bytes.size() ? static_cast<unsigned char>(bytes[k]) : 0u;
    };
    unsigned group = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    out += kBase64[group >> 18 & 63];
    out += kBase64[group >> 12 & 63];
    out += i + 1 < bytes.size() ? kBase64[group >> 6 & 63] : '=';
    out += i + 2 < bytes.size() ? kBase64[group & 63] : '=';
  }
  return out;
}

static constexpr std::array<signed char, 256> make_base64_values() {
  std::array<signed char, 256> values{};
  for (auto& v : values) v = -1;
  for (int i = 0; i < 64; ++i)
    values[static_cast<unsigned char>(kBase64[i])] = static_cast<signed char>(i);
  return values;
}

std::optional<std::string> unbase64(std::string_view text) {
  static constexpr auto values = make_base64_values();
  if (text.size() % 4) return std::nullopt;
  size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  std::string out;
  out.reserve(text.size() / 4 * 3);
  unsigned group = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    bool pad = i + padding >= text.size();
    int value = pad ? 0 : values[static_cast<unsigned char>(text[i])];
    if (value < 0) return std::nullopt;
    group = group << 6 | static_cast<unsigned>(value);
    if (i % 4 != 3) continue;
    out += static_cast<char>(group >> 16 & 255);
    out += static_cast<char>(group >> 8 & 255);
    out += static_cast<char>(group & 255);
    group = 0;
  }
  out.resize(out.size() - padding);
  return out;
}

}  // namespace dovetail::base
