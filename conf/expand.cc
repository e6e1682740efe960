// SPDX-License-Identifier: Apache-2.0
#include "conf/expand.h"

#include <algorithm>

#include "common/base/text.h"
#include "conf/units.h"

namespace dovetail::conf {
namespace {

constexpr int kMaxMacroNesting = 100;

bool is_macro_name(char c) {
  return base::is_alnum(c) || c == '_';
}

// The length of the balanced group that begins at text[0], closing bracket included; 0 if it never
// closes.
size_t balanced_length(std::string_view text, char open, char close) {
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == open) ++depth;
    if (text[i] == close && --depth == 0) return i + 1;
  }
  return 0;
}

// Where an expression stopped making sense: the text before and at most 20 characters behind.
Error expected_at(std::string_view what, std::string_view before, std::string_view rest) {
  return config_error(format("{}: \"...{}>>>{}\"", what, before, rest.substr(0, 20)));
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), base::is_digit);
}

// Numbers of any length without leading zeros compare by length first.
int compare_operands(std::string_view a, std::string_view b) {
  if (!all_digits(a) || !all_digits(b)) return a.compare(b);
  a.remove_prefix(std::min(a.find_first_not_of('0'), a.size() - 1));
  b.remove_prefix(std::min(b.find_first_not_of('0'), b.size() - 1));
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return a.compare(b);
}

struct Operator {
  std::string_view name;
  bool level;  // operands are compatibility levels
  bool (*holds)(int order);
};

// clang-format off
constexpr Operator kOperators[] = {
    {"==",      false, [](int order) { return order == 0; }},
    {"!=",      false, [](int order) { return order != 0; }},
    {"<",       false, [](int order) { return order < 0; }},
    {"<=",      false, [](int order) { return order <= 0; }},
    {">=",      false, [](int order) { return order >= 0; }},
    {">",       false, [](int order) { return order > 0; }},
    {"==level", true,  [](int order) { return order == 0; }},
    {"!=level", true,  [](int order) { return order != 0; }},
    {"<level",  true,  [](int order) { return order < 0; }},
    {"<=level", true,  [](int order) { return order <= 0; }},
    {">=level", true,  [](int order) { return order >= 0; }},
    {">level",  true,  [](int order) { return order > 0; }},
};
// clang-format on

class Expander {
 public:
  Expander(const MacroLookup& lookup, const ExpandOptions& options)
      : lookup_(lookup), options_(options) {}

  Result<void> text(std::string_view value, std::string& out);
  std::vector<std::string> undefined;

 private:
  struct Branches {
    std::optional<std::string_view> if_true;
    std::optional<std::string_view> if_false;
  };

  Result<void> reference(std::string_view content, std::string& out);
  Result<void> expression(std::string_view content, std::string& out);
  Result<bool> relation(std::string_view& content);
  Result<Branches> branches(std::string_view rest);
  Result<void> choose(const Branches& both, bool holds, std::string& out);
  Result<void> plain_value(std::string_view name, std::string& out);

  const MacroLookup& lookup_;
  const ExpandOptions& options_;
  int depth_ = 0;
};

Result<void> Expander::text(std::string_view value, std::string& out) {
  std::string_view rest = value;
  while (!rest.empty()) {
    size_t dollar = rest.find('$');
    out += rest.substr(0, dollar);
    if (dollar == std::string_view::npos) break;
    rest.remove_prefix(dollar + 1);
    if (!rest.empty() && rest[0] == '$') {
      out += '$';
      rest.remove_prefix(1);
      continue;
    }
    std::string_view content;
    if (!rest.empty() && (rest[0] == '{' || rest[0] == '(')) {
      size_t length = balanced_length(rest, rest[0], rest[0] == '{' ? '}' : ')');
      if (length == 0) return config_error(format("truncated macro reference: \"{}\"", value));
      content = rest.substr(1, length - 2);
      rest.remove_prefix(length);
    } else {
      auto end = std::find_if_not(rest.begin(), rest.end(), is_macro_name);
      content = rest.substr(0, static_cast<size_t>(end - rest.begin()));
      rest.remove_prefix(content.size());
    }
    if (content.empty()) return config_error(format("empty macro name: \"{}\"", value));
    if (auto done = reference(content, out); !done) return done.error();
  }
  return {};
}

// What stands between the brackets of a macro.
Result<void> Expander::reference(std::string_view content, std::string& out) {
  std::string_view rest = base::trim_left(content);
  if (rest.starts_with('{')) return expression(rest, out);

  auto end = std::find_if_not(rest.begin(), rest.end(), is_macro_name);
  std::string_view name = rest.substr(0, static_cast<size_t>(end - rest.begin()));
  rest.remove_prefix(name.size());
  std::string_view op = base::trim_left(rest);
  if (op.empty()) return plain_value(name, out);
  if (op[0] != '?' && op[0] != ':') {
    return expected_at("attribute name syntax error at", name, rest);
  }
  auto value = lookup_(name, true);
  if (!value) undefined.emplace_back(name);
  auto both = branches(op);
  if (!both) return both.error();
  return choose(*both, value && !value->empty(), out);
}

Result<void> Expander::expression(std::string_view content, std::string& out) {
  auto holds = relation(content);
  if (!holds) return holds.error();
  Branches both;
  std::string_view rest = base::trim_left(content);
  if (!rest.empty()) {
    if (rest[0] != '?' && rest[0] != ':')
      return expected_at("\"?\" or \":\" expected at", "}", rest);
    auto parsed = branches(rest);
    if (!parsed) return parsed.error();
    both = *parsed;
  }
  return choose(both, *holds, out);
}

// {a} op {b}; content is left behind the second operand.
Result<bool> Expander::relation(std::string_view& content) {
  std::string_view whole = content;
  size_t length = balanced_length(content, '{', '}');
  if (length == 0) return expected_at("\"{expression}\" expected at", "", content);
  std::string_view left = content.substr(1, length - 2);
  std::string_view rest = base::trim_left(content.substr(length));

  size_t op_length = std::min(rest.find_first_not_of("=!<>"), rest.size());
  if (rest.substr(op_length).starts_with("level")) op_length += 5;
  auto op = std::find_if(std::begin(kOperators), std::end(kOperators),
                         [&](const Operator& o) { return o.name == rest.substr(0, op_length); });
  if (op == std::end(kOperators)) {
    // The odd quotes are the incumbent's.
    return expected_at(R"("==" or "!="" or "<"" or "<="" or ">="" or ">" expected at)",
                       content.substr(1, length - 1), rest);
  }
  std::string_view behind = rest.substr(op_length);
  std::string_view before = whole.substr(0, whole.size() - behind.size());
  rest = base::trim_left(behind);
  length = rest.starts_with('{') ? balanced_length(rest, '{', '}') : 0;
  if (length == 0) return expected_at("\"{expression}\" expected at", before, behind);
  std::string_view right = rest.substr(1, length - 2);
  content = rest.substr(length);

  std::string a, b;
  if (auto done = text(left, a); !done) return done.error();
  if (auto done = text(right, b); !done) return done.error();
  if (!op->level) return op->holds(compare_operands(a, b));
  if (options_.scan) return true;
  auto level_a = parse_compat_level(a), level_b = parse_compat_level(b);
  if (!level_a || !level_b) {
    return config_error(format("malformed compatibility level syntax: \"{}\"", level_a ? b : a));
  }
  return op->holds(*level_a < *level_b ? -1 : *level_a > *level_b ? 1 : 0);
}

// ?text  ?{text}  ?{text}:{text}  :text  :{text}. Without braces the text is all the rest, blanks
// included.
Result<Expander::Branches> Expander::branches(std::string_view rest) {
  Branches both;
  bool first_is_true = rest[0] == '?';
  for (int part = 0; part < 2; ++part) {
    rest.remove_prefix(1);
    std::string_view text = base::trim_left(rest);
    bool braced = text.starts_with('{');
    size_t length = braced ? balanced_length(text, '{', '}') : 0;
    auto& branch = first_is_true && part == 0 ? both.if_true : both.if_false;
    branch = braced && length > 0 ? text.substr(1, length - 2) : rest;
    if (length == 0) return both;
    std::string_view before = text.substr(1, length - 1);
    rest = base::trim_left(text.substr(length));
    if (rest.empty()) return both;
    if (part == 0 && first_is_true && rest[0] != ':')
      return expected_at("\":\" expected at", before, rest);
    if (part == 1 || !first_is_true) return expected_at("unexpected input at", before, rest);
  }
  return both;
}

Result<void> Expander::choose(const Branches& both, bool holds, std::string& out) {
  if ((holds || options_.scan) && both.if_true) {
    if (auto done = text(*both.if_true, out); !done) return done.error();
  }
  if ((!holds || options_.scan) && both.if_false) {
    if (auto done = text(*both.if_false, out); !done) return done.error();
  }
  return {};
}

Result<void> Expander::plain_value(std::string_view name, std::string& out) {
  auto value = lookup_(name, false);
  if (!value) {
    undefined.emplace_back(name);
    return {};
  }
  if (options_.recursive) {
    if (depth_ > kMaxMacroNesting) {
      return config_error(format("unreasonable macro call nesting: \"{}\"", name));
    }
    ++depth_;
    auto done = text(*value, out);
    --depth_;
    return done;
  }
  for (char c : *value) {
    bool allowed = options_.filter.empty() || options_.filter.find(c) != std::string_view::npos;
    out += allowed ? c : '_';
  }
  return {};
}

}  // namespace

Result<Expanded> expand(std::string_view text, const MacroLookup& lookup,
                        const ExpandOptions& options) {
  Expander expander(lookup, options);
  Expanded expanded;
  if (auto done = expander.text(text, expanded.text); !done) return done.error();
  expanded.undefined = std::move(expander.undefined);
  return expanded;
}

Result<void> scan_names(std::string_view text, const std::function<void(std::string_view)>& seen) {
  auto note = [&](std::string_view name, bool) -> std::optional<std::string> {
    seen(name);
    return "";
  };
  auto expanded = expand(text, note, {.recursive = false, .scan = true});
  if (!expanded) return expanded.error();
  return {};
}

}  // namespace dovetail::conf
