// Words and numbers in ASCII text: trimming, splitting, case, hexadecimal, base64, and what may be
// shown in a log. Case is ASCII only (RFC 5321 4.1.2); UTF-8 case mapping belongs to ICU users.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace dovetail::base {

using fmt::format;
using fmt::format_to;

// A format string, checked against its arguments when compiled; before {fmt} 8 (EL8 has 6) only when used.
#if FMT_VERSION >= 80000
template <class... A>
using FormatString = fmt::format_string<A...>;
#else
template <class...>
using FormatString = fmt::string_view;
#endif

inline constexpr std::string_view kBlank = " \t";
inline constexpr std::string_view kSpace = " \t\r\n\v\f";

constexpr bool is_space(char c) {
  return kSpace.find(c) != std::string_view::npos;
}
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_alpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr bool is_alnum(char c) {
  return is_digit(c) || is_alpha(c);
}
constexpr char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}
constexpr char to_upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
}

std::string_view trim(std::string_view text, std::string_view what = kSpace);
std::string_view trim_left(std::string_view text, std::string_view what = kSpace);
std::string_view trim_right(std::string_view text, std::string_view what = kSpace);

// Splits at each separator; "a,,b" gives three parts, "" gives one empty part.
std::vector<std::string_view> split(std::string_view text, char separator);
// Words between any of the separators; empty words vanish, "" gives no word.
std::vector<std::string_view> words(std::string_view text, std::string_view separators = kSpace);
// The part before the first separator and the rest behind it; no separator: {text, nullopt}.
std::pair<std::string_view, std::optional<std::string_view>> cut(std::string_view text,
                                                                 char separator);
// The same at the last separator: {before, after}; no separator: {text, nullopt}.
std::pair<std::string_view, std::optional<std::string_view>> cut_last(std::string_view text,
                                                                      char separator);
std::string join(const std::vector<std::string>& parts, std::string_view between);

std::string lower(std::string_view text);
std::string upper(std::string_view text);
bool iequals(std::string_view a, std::string_view b);
bool istarts_with(std::string_view text, std::string_view prefix);
// Order and hash for case-insensitive maps.
struct ILess {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const;
};
std::string replace_all(std::string_view text, std::string_view what, std::string_view with);

bool is_ascii(std::string_view text);
bool is_utf8(std::string_view text);

// Untrusted text for a log line or a reply: control characters become '?'; bytes above 127 too
// unless utf8 is asked for and valid.
std::string printable(std::string_view text, bool utf8 = false);

// The whole text as a number without sign, blanks or overflow; nullopt otherwise.
template <std::integral T>
std::optional<T> parse_number(std::string_view text, int radix = 10) {
  T value{};
  auto end = text.data() + text.size();
  auto [at, error] = std::from_chars(text.data(), end, value, radix);
  if (text.empty() || error != std::errc{} || at != end) return std::nullopt;
  return value;
}

std::string hex(std::string_view bytes);                     // lower case
std::optional<std::string> unhex(std::string_view text);     // either case
std::string base64(std::string_view bytes);                  // RFC 4648 4, padded
std::optional<std::string> unbase64(std::string_view text);  // strict: padded, no line ends

}  // namespace dovetail::base

namespace dovetail {
using base::format;
}
