// % variables: %[-offset.][0][width][modifiers]X and %{name}, %{if;..}, %{env:..}, hashes.
// SPDX-License-Identifier: Apache-2.0
#include "conf/dovecot/variables.h"

#include <regex.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "common/base/text.h"
#include "conf/dovecot/variables_hash.h"

namespace dovetail::conf::dovecot {

namespace {

constexpr unsigned kMaxNesting = 8;
constexpr std::string_view kModifiers = "LUEXRTHNMD";

// What stands between % and the variable's name.
struct Form {
  int offset = 0;
  unsigned width = 0;
  bool zero_pad = false;
  std::string modifiers;
};

class Expander {
 public:
  Expander(const Variables& variables, unsigned depth) : variables_(variables), depth_(depth) {}

  std::string run(std::string_view format);
  std::string error;

 private:
  void variable(std::string_view& rest, std::string& out);
  std::string long_form(std::string_view inner);
  std::optional<std::string> with_prefix(std::string_view prefix, std::string_view arguments,
                                         std::string_view rest);
  std::string condition(std::string_view arguments);
  bool compare(std::string_view a, std::string_view op, std::string_view b);
  std::optional<std::string> by_key(char key) const;
  std::optional<std::string> by_name(std::string_view name) const;
  std::string nested(std::string_view format);
  std::string unknown(std::string_view name);
  void complain(std::string why) {
    if (error.empty()) error = std::move(why);
  }

  const Variables& variables_;
  const unsigned depth_;
};

std::string escape_quotes(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '"' || c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

// H and N take the width as the largest value and the offset as the least number of digits.
std::string hash_modifier(char modifier, std::string_view text, Form& form) {
  std::uint32_t value = modifier == 'H' ? string_hash(text) : string_newhash(text);
  if (form.width != 0) value %= form.width;
  auto digits = format("{:x}", value);
  auto least = static_cast<std::size_t>(std::max(form.offset, 0));
  if (digits.size() < least) digits.insert(0, least - digits.size(), '0');
  form.width = 0;
  form.offset = 0;
  return digits;
}

std::string apply_modifier(char modifier, std::string text, Form& form) {
  switch (modifier) {
    case 'L':
      return base::lower(text);
    case 'U':
      return base::upper(text);
    case 'E':
      return escape_quotes(text);
    case 'X':
      return format("{:x}", base::parse_number<std::uint64_t>(text).value_or(0));
    case 'R':
      std::reverse(text.begin(), text.end());
      return text;
    case 'T':
      return std::string(base::trim_right(text));
    case 'M':
      return base::hex(digest_of("md5", text).value_or(std::string()));
    case 'D':
      return base::replace_all(text, ".", ",dc=");
    default:
      return hash_modifier(modifier, text, form);
  }
}

std::string apply_form(Form form, std::string text) {
  for (char modifier : form.modifiers) text = apply_modifier(modifier, std::move(text), form);
  auto size = static_cast<int>(text.size());
  int from = form.offset < 0 ? std::max(size + form.offset, 0) : std::min(form.offset, size);
  text.erase(0, static_cast<std::size_t>(from));
  if (form.zero_pad) {
    if (text.size() < form.width) text.insert(0, form.width - text.size(), '0');
  } else if (form.width > 0 && text.size() > form.width) {
    text.resize(form.width);
  }
  return text;
}

unsigned read_digits(std::string_view& rest) {
  std::size_t end = 0;
  while (end < rest.size() && base::is_digit(rest[end])) ++end;
  // Longer numbers than any width anyone wants are cut, so that padding cannot eat the memory.
  auto value =
      base::parse_number<unsigned>(rest.substr(0, std::min<std::size_t>(end, 4))).value_or(0);
  rest.remove_prefix(end);
  return value;
}

Form read_form(std::string_view& rest) {
  Form form;
  bool negative = !rest.empty() && rest[0] == '-';
  if (negative) rest.remove_prefix(1);
  form.zero_pad = !rest.empty() && rest[0] == '0';
  form.width = read_digits(rest);
  if (!rest.empty() && rest[0] == '.') {
    rest.remove_prefix(1);
    form.offset = static_cast<int>(form.width) * (negative ? -1 : 1);
    form.zero_pad = !rest.empty() && rest[0] == '0';
    form.width = read_digits(rest);
  }
  while (!rest.empty() && kModifiers.find(rest[0]) != std::string_view::npos) {
    form.modifiers += rest[0];
    rest.remove_prefix(1);
  }
  return form;
}

// The position behind the } that closes the { before text; npos if none does.
std::size_t closing_brace(std::string_view text) {
  unsigned depth = 1;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == '{') {
      ++depth;
    } else if (text[at] == '}' && --depth == 0) {
      return at;
    }
  }
  return std::string_view::npos;
}

// Parts between semicolons that stand in no inner braces; a backslash takes the next character as it is.
std::vector<std::string> split_arguments(std::string_view text) {
  std::vector<std::string> parts(1);
  unsigned depth = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    char c = text[at];
    if (c == '\\' && at + 1 < text.size()) {
      parts.back() += text[++at];
      continue;
    }
    if (c == '{') ++depth;
    if (c == '}' && depth > 0) --depth;
    if (c == ';' && depth == 0) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

bool wildcard_matches(std::string_view text, std::string_view pattern) {
  std::size_t t = 0, p = 0, star = std::string_view::npos, mark = 0;
  while (t < text.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t]) && pattern[p] != '*') {
      ++t, ++p;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool regex_matches(std::string_view text, std::string_view pattern, std::string& error) {
  regex_t compiled;
  int failed = regcomp(&compiled, std::string(pattern).c_str(), REG_EXTENDED | REG_NOSUB);
  if (failed != 0) {
    error = format("if: regex failed: {}", pattern);
    return false;
  }
  bool matches = regexec(&compiled, std::string(text).c_str(), 0, nullptr, 0) == 0;
  regfree(&compiled);
  return matches;
}

std::optional<std::string> system_value(std::string_view prefix, std::string_view name) {
  if (prefix == "process") {
    if (name == "pid") return std::to_string(getpid());
    if (name == "uid") return std::to_string(geteuid());
    if (name == "gid") return std::to_string(getegid());
    return std::nullopt;
  }
  if (name == "cpu_count") return std::to_string(std::max(std::thread::hardware_concurrency(), 1u));
  if (name != "hostname") return std::nullopt;
  std::string host(256, '\0');
  if (gethostname(host.data(), host.size() - 1) != 0) return std::nullopt;
  return std::string(host.c_str());
}

}  // namespace

std::optional<std::string> Expander::by_key(char key) const {
  for (auto& known : variables_.table) {
    if (known.key == key && key != 0) return known.value;
  }
  return std::nullopt;
}

std::optional<std::string> Expander::by_name(std::string_view name) const {
  for (auto& known : variables_.table) {
    if (known.name == name && !name.empty()) return known.value;
  }
  if (name.size() == 1) return by_key(name[0]);
  return std::nullopt;
}

std::string Expander::unknown(std::string_view name) {
  complain(format("Unknown variable '%{}'", name));
  return format("UNSUPPORTED_VARIABLE_{}", name);
}

std::string Expander::nested(std::string_view text) {
  if (depth_ >= kMaxNesting) {
    complain("variables are nested too deeply");
    return {};
  }
  Expander inner(variables_, depth_ + 1);
  auto expanded = inner.run(text);
  if (!inner.error.empty()) complain(inner.error);
  return expanded;
}

bool Expander::compare(std::string_view a, std::string_view op, std::string_view b) {
  if (op == "eq") return a == b;
  if (op == "ne") return a != b;
  if (op == "lt") return a < b;
  if (op == "le") return a <= b;
  if (op == "gt") return a > b;
  if (op == "ge") return a >= b;
  if (op == "*" || op == "!*") return wildcard_matches(a, b) == (op == "*");
  std::string why;
  if (op == "~" || op == "!~") {
    bool matches = regex_matches(a, b, why);
    if (!why.empty()) complain(why);
    return matches == (op == "~");
  }
  constexpr std::string_view kNumeric[] = {"==", "<", "<=", ">", ">=", "!="};
  if (std::find(std::begin(kNumeric), std::end(kNumeric), op) == std::end(kNumeric)) {
    complain(format("if: Unsupported comparator '{}'", op));
    return false;
  }
  auto x = base::parse_number<std::int64_t>(a), y = base::parse_number<std::int64_t>(b);
  if (!x || !y) {
    complain(format("if: {} is not a number", !x ? a : b));
    return false;
  }
  if (op == "==") return *x == *y;
  if (op == "!=") return *x != *y;
  if (op == "<") return *x < *y;
  if (op == "<=") return *x <= *y;
  return op == ">" ? *x > *y : *x >= *y;
}

// %{if;a;op;b;yes;no}
std::string Expander::condition(std::string_view arguments) {
  auto parts = split_arguments(arguments);
  if (parts.size() != 5) {
    complain("if: requires four or five parameters");
    if (parts.size() != 4) return {};
    error.clear();
    parts.emplace_back();
  }
  auto a = nested(parts[0]);
  auto b = nested(parts[2]);
  return nested(compare(a, parts[1], b) ? parts[3] : parts[4]);
}

std::optional<std::string> Expander::with_prefix(std::string_view prefix,
                                                 std::string_view arguments,
                                                 std::string_view rest) {
  if (prefix == "env") {
    auto value = std::getenv(std::string(rest).c_str());
    return std::string(value ? value : "");
  }
  if (prefix == "system" || prefix == "process") return system_value(prefix, rest);
  if (variables_.by_prefix && arguments.empty()) {
    if (auto found = variables_.by_prefix(prefix, rest)) return found;
  }
  auto field = by_name(rest);
  if (!field) return std::nullopt;
  return hash_variable(prefix, arguments, *field);
}

std::string Expander::long_form(std::string_view inner) {
  if (inner.substr(0, 3) == "if;") return condition(inner.substr(3));
  auto colon = inner.find(':');
  if (colon == std::string_view::npos) {
    auto found = by_name(inner);
    return found ? *found : unknown(inner);
  }
  auto [prefix, arguments] = base::cut(inner.substr(0, colon), ';');
  auto value = with_prefix(prefix, arguments.value_or(std::string_view()), inner.substr(colon + 1));
  return value ? *value : unknown(prefix);
}

void Expander::variable(std::string_view& rest, std::string& out) {
  auto form = read_form(rest);
  if (rest.empty()) return;  // a lone % at the end is nothing
  char key = rest[0];
  rest.remove_prefix(1);
  if (key == '%') {
    out += '%';
    return;
  }
  if (key != '{') {
    auto found = by_key(key);
    out += apply_form(form, found ? *found : unknown(std::string_view(&key, 1)));
    return;
  }
  auto end = closing_brace(rest);
  if (end == std::string_view::npos) {
    out += unknown("{");
    return;
  }
  auto inner = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  out += apply_form(form, long_form(inner));
}

std::string Expander::run(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    auto percent = std::min(text.find('%'), text.size());
    out += text.substr(0, percent);
    text.remove_prefix(percent);
    if (text.empty()) break;
    text.remove_prefix(1);
    variable(text, out);
  }
  return out;
}

Expanded expand_variables(std::string_view format, const Variables& variables) {
  Expander expander(variables, 0);
  Expanded done;
  done.text = expander.run(format);
  done.error = std::move(expander.error);
  return done;
}

bool uses_variable(std::string_view text, char key, std::string_view name) {
  while (!text.empty()) {
    auto percent = text.find('%');
    if (percent == std::string_view::npos) return false;
    text.remove_prefix(percent + 1);
    read_form(text);
    if (text.empty()) return false;
    if (text[0] != '{') {
      if (text[0] == key && key != 0) return true;
      text.remove_prefix(1);
      continue;
    }
    auto end = closing_brace(text.substr(1));
    auto inner = text.substr(1, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 2);
    if (inner.substr(0, 3) == "if;") {
      for (auto& part : split_arguments(inner.substr(3))) {
        if (uses_variable(part, key, name)) return true;
      }
      continue;
    }
    auto colon = inner.rfind(':');
    auto field = colon == std::string_view::npos ? inner : inner.substr(colon + 1);
    if (field == name || (field.size() == 1 && field[0] == key)) return true;
  }
  return false;
}

Variables user_variables(std::string_view user, std::string_view service, std::string_view home,
                         std::string_view local_ip, std::string_view remote_ip) {
  auto [local_part, domain] = base::cut(user, '@');
  auto text = [](std::string_view value) { return std::string(value); };
  Variables made;
  made.table = {
      {'u', "user", text(user)},
      {'n', "username", text(local_part)},
      {'d', "domain", text(domain.value_or(std::string_view()))},
      {'s', "service", text(service)},
      {'h', "home", text(home)},
      {'l', "lip", text(local_ip)},
      {'r', "rip", text(remote_ip)},
      {'p', "pid", std::to_string(getpid())},
      {'\0', "local_ip", text(local_ip)},
      {'\0', "remote_ip", text(remote_ip)},
  };
  return made;
}

}  // namespace dovetail::conf::dovecot
