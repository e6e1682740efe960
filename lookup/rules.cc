// SPDX-License-Identifier: Apache-2.0
#include "lookup/rules.h"

#include "common/base/file.h"
#include "common/base/text.h"
#include "conf/units.h"
#include "lookup/source.h"

namespace dovetail::lookup {

std::string Replacement::expand(const Groups& groups) const {
  std::string out;
  for (auto& piece : pieces) {
    if (!piece.group)
      out += piece.text;
    else if (piece.group < groups.size())
      out += groups[piece.group];
  }
  return out;
}

Result<Replacement> parse_replacement(std::string_view text) {
  Replacement parsed;
  std::string plain;
  auto end_plain = [&] {
    if (!plain.empty()) parsed.pieces.push_back({std::move(plain), 0});
    plain.clear();
  };
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '$') {
      plain += text[at];
      continue;
    }
    if (at + 1 < text.size() && text[at + 1] == '$') {
      plain += '$';
      ++at;
      continue;
    }
    std::string_view name;
    char open = at + 1 < text.size() ? text[at + 1] : '\0';
    if (open == '{' || open == '(') {
      auto close = text.find(open == '{' ? '}' : ')', at + 2);
      if (close == std::string_view::npos)
        return config_error(format("truncated macro reference: \"{}\"", text));
      name = text.substr(at + 2, close - at - 2);
      at = close;
    } else {
      auto end = at + 1;
      while (end < text.size() && (base::is_alnum(text[end]) || text[end] == '_')) ++end;
      name = text.substr(at + 1, end - at - 1);
      at = end - 1;
    }
    if (name.empty()) return config_error(format("empty macro name: \"{}\"", text));
    auto group = base::parse_number<unsigned>(name);
    if (!group) return config_error(format("non-numeric replacement index \"{}\"", name));
    if (*group < 1) return config_error(format("out-of-range replacement index \"{}\"", name));
    if (*group > 1000) return config_error(format("out of range replacement index \"{}\"", name));
    end_plain();
    parsed.pieces.push_back({{}, *group});
    parsed.highest = std::max<size_t>(parsed.highest, *group);
  }
  end_plain();
  return parsed;
}

Result<std::vector<RuleText>> read_rules(std::string_view type, const std::string& name,
                                         const Logger& log) {
  std::vector<RuleText> rules;
  if (name.front() == '{') {
    auto elements = braced_elements(type, name, "{rule}...");
    if (!elements) return elements.error();
    for (auto& element : *elements) {
      auto rule = conf::unbrace(element);
      if (!rule) return config_error(rule.error().text);
      rules.push_back({std::move(*rule), static_cast<int>(rules.size()) + 1});
    }
    return rules;
  }
  auto text = base::read_file(name);
  if (!text) return config_error(text.error().text);
  LineReader lines(name, *text, log);
  for (std::string_view line; lines.next(line);) {
    rules.push_back({std::string(base::trim_right(line)), lines.line()});
  }
  return rules;
}

void link_rules(std::vector<Rule>& rules, std::string_view map, const Logger& log) {
  std::vector<size_t> open;
  for (size_t at = 0; at < rules.size(); ++at) {
    if (rules[at].kind == Rule::Kind::if_block) {
      rules[at].end = rules.size();
      open.push_back(at);
    } else if (rules[at].kind == Rule::Kind::end_block) {
      rules[open.back()].end = at;
      open.pop_back();
    }
  }
  for (; !open.empty(); open.pop_back()) {
    log.warning("{}, line {}: IF has no matching ENDIF", map, rules[open.back()].line);
  }
}

bool starts_with_word(std::string_view line, std::string_view word) {
  return base::istarts_with(line, word) &&
         (line.size() == word.size() || !base::is_alnum(line[word.size()]));
}

Result<Found> RuleTable::answer(std::string_view key) {
  Groups groups;
  for (size_t at = 0; at < rules_.size(); ++at) {
    auto& rule = rules_[at];
    if (rule.kind == Rule::Kind::end_block) continue;
    bool wants_groups = rule.kind == Rule::Kind::match && rule.replacement.highest > 0;
    auto matched = rule.pattern->matches(key, wants_groups ? &groups : nullptr);
    if (!matched) {
      log_.warning("{}, line {}: {}", name(), rule.line, matched.error().text);
      return temporary("Application error");
    }
    bool hit = *matched != rule.negated;
    if (rule.kind == Rule::Kind::if_block) {
      if (!hit) at = rule.end;
      continue;
    }
    if (hit) return Found(rule.replacement.expand(groups));
  }
  return Found();
}

Result<Delimited> split_delimited(std::string_view text) {
  char delimiter = text.front();
  size_t at = 1;
  while (at < text.size() && text[at] != delimiter) at += text[at] == '\\' ? 2 : 1;
  if (at >= text.size())
    return config_error(format("no closing regexp delimiter \"{}\"", delimiter));
  Delimited parts;
  parts.text = text.substr(1, at - 1);
  auto end = at + 1;
  while (end < text.size() && !base::is_space(text[end])) ++end;
  parts.flags = text.substr(at + 1, end - at - 1);
  parts.rest = base::trim(text.substr(end));
  return parts;
}

namespace {

struct ExpressionReader {
  const OpenContext& context;
  std::string map;  // "regexp map /etc/postfix/header_checks"
  Compile compile;
  std::string_view unclosed;  // what is said of a rule without closing delimiter
  std::vector<Rule> rules;
  size_t depth = 0;

  template <class... A>
  void warn(int line, base::FormatString<A...> text, A&&... args) const {
    context.options.log.warning("{}, line {}: {}", map, line,
                                fmt::format(text, std::forward<A>(args)...));
  }

  void read(const RuleText& source) {
    std::string_view text = base::trim(source.text);
    if (starts_with_word(text, "endif")) return end_block(text, source.line);
    Rule rule;
    rule.line = source.line;
    if (starts_with_word(text, "if")) {
      rule.kind = Rule::Kind::if_block;
      text = base::trim_left(text.substr(2));
    } else if (!text.empty() && base::is_alnum(text.front())) {
      return warn(source.line, "ignoring unrecognized request");
    }
    while (!text.empty() && text.front() == '!') {
      rule.negated = !rule.negated;
      text = base::trim_left(text.substr(1));
    }
    if (text.empty()) return warn(source.line, "ignoring unrecognized request");
    if (auto pattern = pattern_of(rule, text); pattern) {
      if (rule.kind == Rule::Kind::if_block) ++depth;
      rules.push_back(std::move(rule));
    }
  }

  void end_block(std::string_view text, int line) {
    if (depth == 0) return warn(line, "ignoring ENDIF without matching IF");
    if (!base::trim(text.substr(5)).empty()) warn(line, "ignoring extra text after ENDIF");
    --depth;
    rules.push_back({Rule::Kind::end_block, false, nullptr, {}, 0, line});
  }

  // False: the rule is unusable and a warning has been written.
  bool pattern_of(Rule& rule, std::string_view text) {
    auto parts = split_delimited(text);
    if (!parts) {
      warn(rule.line, "{}: {}", parts.error().text, unclosed);
      return false;
    }
    if (map.starts_with("pcre") && parts->flags.find('X') != std::string::npos)
      warn(rule.line, "ignoring obsolete regexp option \"X\"");
    auto pattern = compile(*parts, context.options.log);
    if (!pattern) {
      warn(rule.line, "{}", pattern.error().text);
      return false;
    }
    rule.pattern = std::move(*pattern);
    if (rule.kind == Rule::Kind::if_block) {
      if (!parts->rest.empty()) {
        warn(rule.line, "ignoring extra text after IF statement: \"{}\"", parts->rest);
        warn(rule.line, "do not prepend whitespace to statements between IF and ENDIF");
      }
      return true;
    }
    return replacement_of(rule, parts->rest);
  }

  // The reader of macros complains for itself, of their form without a place.
  std::string bad_syntax(const Rule& rule, const std::string& text) const {
    if (text.starts_with("out-of-range") && map.starts_with("pcre"))
      warn(rule.line, "out of range{}", text.substr(12));
    else if (text.find("replacement index") != std::string::npos)
      warn(rule.line, "{}", text);
    else
      context.options.log.warning("{}", text);
    return "bad replacement syntax";
  }

  bool replacement_of(Rule& rule, const std::string& text) {
    if (text.empty()) warn(rule.line, "no replacement text: using empty string");
    auto replacement = parse_replacement(text);
    std::string wrong;
    if (!replacement && replacement.error().text.starts_with("out of range"))
      wrong = replacement.error().text;
    else if (!replacement)
      wrong = bad_syntax(rule, replacement.error().text);
    else if (replacement->highest && rule.negated)
      wrong = "$number found in negative match replacement text";
    else if (replacement->highest && context.options.no_substitution)
      wrong = "regular expression substitution is not allowed";
    else if (replacement->highest > rule.pattern->groups()) {
      wrong = format("out of range replacement index \"{}\"", replacement->highest);
    }
    if (!wrong.empty()) {
      warn(rule.line, "{}: skipping this rule", wrong);
      return false;
    }
    rule.replacement = std::move(*replacement);
    return true;
  }
};

}  // namespace

Opened open_expressions(const OpenContext& context, std::string_view type, const std::string& name,
                        Compile compile, std::string_view unclosed) {
  auto sources = read_rules(type, name, context.options.log);
  if (!sources) return sources.error();
  ExpressionReader reader{context, format("{} map {}", type, name), compile, unclosed, {}, 0};
  for (auto& source : *sources) reader.read(source);
  link_rules(reader.rules, reader.map, context.options.log);
  return std::unique_ptr<Table>(std::make_unique<RuleTable>(
      format("{}:{}", type, name), std::move(reader.rules), context.options.log));
}

}  // namespace dovetail::lookup
