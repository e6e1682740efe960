// SPDX-License-Identifier: Apache-2.0
#include "common/mail/dsn.h"

#include "common/base/text.h"

namespace dovetail::mail {

namespace {

struct NotifyWord {
  std::string_view word;
  int flag;
};
constexpr NotifyWord notify_words[] = {{"NEVER", kNotifyNever},
                                       {"SUCCESS", kNotifySuccess},
                                       {"FAILURE", kNotifyFailure},
                                       {"DELAY", kNotifyDelay}};

}  // namespace

size_t dsn_length(std::string_view text) {
  if (text.empty() || (text[0] != '2' && text[0] != '4' && text[0] != '5')) return 0;
  size_t at = 1;
  for (int part = 0; part < 2; ++part) {
    if (at >= text.size() || text[at] != '.') return 0;
    size_t start = ++at;
    while (at < text.size() && base::is_digit(text[at])) ++at;
    if (at == start || at - start > 3) return 0;
  }
  return at == text.size() || base::is_space(text[at]) ? at : 0;
}

DsnText split_dsn(std::string_view text, std::string_view default_status) {
  std::string_view trimmed = base::trim_left(text);
  size_t length = dsn_length(trimmed);
  if (length == 0) return {std::string(default_status), std::string(trimmed)};
  return {std::string(trimmed.substr(0, length)),
          std::string(base::trim_left(trimmed.substr(length)))};
}

std::string with_dsn_class(std::string_view status, char digit) {
  std::string out(status);
  if (!out.empty()) out[0] = digit;
  return out;
}

std::optional<int> parse_notify(std::string_view text) {
  int flags = 0;
  for (std::string_view word : base::split(text, ',')) {
    int flag = 0;
    for (const NotifyWord& row : notify_words) {
      if (base::iequals(row.word, word)) flag = row.flag;
    }
    if (flag == 0) return std::nullopt;
    flags |= flag;
  }
  if ((flags & kNotifyNever) && flags != kNotifyNever) return std::nullopt;
  return flags;
}

std::string format_notify(int flags) {
  std::string out;
  for (const NotifyWord& row : notify_words) {
    if (!(flags & row.flag)) continue;
    if (!out.empty()) out += ',';
    out += row.word;
  }
  return out;
}

std::optional<int> parse_ret(std::string_view text) {
  if (base::iequals(text, "FULL")) return kRetFull;
  if (base::iequals(text, "HDRS")) return kRetHeaders;
  return std::nullopt;
}

std::string encode_xtext(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c > ' ' && c < 0x7f && c != '+' && c != '=')
      out += c;
    else
      out += base::format("+{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::optional<std::string> decode_xtext(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '+') {
      auto value = base::parse_number<unsigned>(text.substr(i + 1, 2), 16);
      if (!value || i + 2 >= text.size()) return std::nullopt;
      out += static_cast<char>(*value);
      i += 2;
    } else if (c == '=' || c == ' ') {
      return std::nullopt;
    } else {
      out += c;  // bytes above 127: RFC 6533 3, judged by the caller
    }
  }
  return out;
}

std::optional<std::pair<std::string_view, std::string_view>> split_orcpt(std::string_view text) {
  size_t semicolon = text.find(';');
  if (semicolon == std::string_view::npos || semicolon == 0 || semicolon + 1 == text.size())
    return std::nullopt;
  return std::pair(text.substr(0, semicolon), text.substr(semicolon + 1));
}

}  // namespace dovetail::mail
