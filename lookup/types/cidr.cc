// cidr:FILE: the first network that holds the address decides; keys that are no address are not found.
// Manual: cidr_table(5).
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "lookup/network.h"
#include "lookup/rules.h"

namespace dovetail::lookup {
namespace {

class NetworkPattern final : public Pattern {
 public:
  explicit NetworkPattern(net::Network network) : network_(std::move(network)) {}
  Result<bool> matches(std::string_view key, Groups*) const override {
    auto address = SockAddr::ip(key, 0);
    return address && network_.contains(*address);
  }

 private:
  net::Network network_;
};

class CidrTable final : public RuleTable {
 public:
  using RuleTable::RuleTable;

 protected:
  Result<Found> answer(std::string_view key) override {
    if (!SockAddr::ip(key, 0)) return Found();  // a negated network would match any text
    return RuleTable::answer(key);
  }
};

// What is wrong with the rule, or "".
std::string read_cidr_rule(std::string_view text, Rule& rule, std::string& extra) {
  if (starts_with_word(text, "if")) {
    rule.kind = Rule::Kind::if_block;
    text = base::trim_left(text.substr(2));
  }
  while (!text.empty() && text.front() == '!') {
    rule.negated = !rule.negated;
    text = base::trim_left(text.substr(1));
  }
  if (text.empty()) return "no address pattern: skipping this rule";
  size_t end = 0;
  while (end < text.size() && !base::is_space(text[end])) ++end;
  auto pattern = text.substr(0, end);
  auto rest = base::trim(text.substr(end));
  if (rule.kind == Rule::Kind::match && rest.empty()) return "no lookup result: skipping this rule";
  if (rule.kind == Rule::Kind::if_block) extra = rest;
  auto network = parse_network(pattern);
  if (!network) return network.error().text + ": skipping this rule";
  rule.pattern = std::make_unique<NetworkPattern>(std::move(*network));
  rule.replacement.pieces.push_back({std::string(rest), 0});
  return {};
}

}  // namespace

Opened open_cidr(const OpenContext& context, std::string_view type, const std::string& name) {
  const Logger& log = context.options.log;
  auto sources = read_rules(type, name, log);
  if (!sources) return sources.error();
  auto map = format("cidr map {}", name);
  std::vector<Rule> rules;
  size_t depth = 0;
  for (auto& source : *sources) {
    auto text = base::trim(source.text);
    if (starts_with_word(text, "endif")) {
      if (depth == 0) {
        log.warning("{}, line {}: ignoring ENDIF without matching IF", map, source.line);
        continue;
      }
      if (!base::trim(text.substr(5)).empty()) {
        log.warning("{}, line {}: ignoring extra text after ENDIF", map, source.line);
      }
      --depth;
      rules.push_back({Rule::Kind::end_block, false, nullptr, {}, 0, source.line});
      continue;
    }
    Rule rule;
    rule.line = source.line;
    std::string extra;
    if (auto wrong = read_cidr_rule(text, rule, extra); !wrong.empty()) {
      log.warning("{}, line {}: {}", map, source.line, wrong);
      continue;
    }
    if (!extra.empty())
      log.warning("{}, line {}: ignoring extra text after IF: \"{}\"", map, source.line, extra);
    if (rule.kind == Rule::Kind::if_block) ++depth;
    rules.push_back(std::move(rule));
  }
  link_rules(rules, map, log);
  return std::unique_ptr<Table>(
      std::make_unique<CidrTable>(format("{}:{}", type, name), std::move(rules), log));
}

}  // namespace dovetail::lookup
