// SPDX-License-Identifier: Apache-2.0
#include "mda/doveconf/secrets.h"

#include "common/base/text.h"

namespace dovetail::mda::doveconf {

namespace {

constexpr std::string_view kHidden = "#hidden_use-P_to_show#";
constexpr std::string_view kSuffixes[] = {"_password", "_key", "_nonce"};
constexpr std::string_view kSecretWords[] = {"key", "secret", "pass"};
constexpr std::string_view kSecretSchemes[] = {"http://", "https://", "ftp://"};
constexpr std::string_view kBlanks = " \t";

struct FoundSecret {
  std::size_t begin = 0, end = 0;  // of the secret itself
};

std::size_t find_or_end(std::string_view text, std::string_view any, std::size_t from) {
  auto at = text.find_first_of(any, from);
  return at == std::string_view::npos ? text.size() : at;
}

// "pass...=SECRET", blanks before the equals sign allowed. Otherwise end is where the search goes on.
std::optional<FoundSecret> secret_of_word(std::string_view value, std::size_t& at) {
  at = find_or_end(value, " \t=", at);
  while (at < value.size() && kBlanks.find(value[at]) != std::string_view::npos) ++at;
  if (at == value.size() || value[at] != '=') return std::nullopt;
  ++at;
  return FoundSecret{at, find_or_end(value, " \t:;", at)};
}

// "//USER:PASSWORD@host".
std::optional<FoundSecret> secret_of_url(std::string_view value, std::size_t& at) {
  auto begin = at;
  at = find_or_end(value, "@/ \t", at);
  if (at == value.size() || value[at] != '@' || at == begin) return std::nullopt;
  return FoundSecret{begin, at};
}

std::optional<FoundSecret> next_secret(std::string_view value, std::size_t& at) {
  auto starts = [&](std::string_view word) { return value.compare(at, word.size(), word) == 0; };
  for (; at < value.size(); ++at) {
    bool url = false, word = false;
    for (auto scheme : kSecretSchemes) {
      if (!url && starts(scheme)) url = true, at += scheme.size();
    }
    bool inside = at > 0 && (base::is_alpha(value[at - 1]) || base::is_digit(value[at - 1]));
    for (auto secret : kSecretWords) {
      if (!url && !inside && !word && starts(secret)) word = true, at += secret.size();
    }
    if (!url && !word) continue;
    if (auto found = url ? secret_of_url(value, at) : secret_of_word(value, at)) return found;
    if (at > 0) --at;  // the search goes on at the character that ended this one
  }
  return std::nullopt;
}

}  // namespace

bool is_secret_setting(std::string_view key) {
  if (key.starts_with("ssl_dh")) return true;
  for (auto suffix : kSuffixes) {
    if (key.size() > suffix.size() && key.ends_with(suffix)) return true;
  }
  return false;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '"' || c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::optional<std::string> without_secrets(std::string_view value, bool escape) {
  std::string out;
  std::size_t copied = 0, at = 0;
  bool any = false;
  while (auto secret = next_secret(value, at)) {
    out += value.substr(copied, secret->begin - copied);
    out += kHidden;
    copied = at = secret->end;
    any = true;
  }
  if (!any) return std::nullopt;
  auto rest = value.substr(copied);
  return out + (escape ? escaped(rest) : std::string(rest));
}

}  // namespace dovetail::mda::doveconf
