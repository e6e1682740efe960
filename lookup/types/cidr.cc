// cidr:FILE: the first network that holds the address decides; keys that are no address are not found.
// Manual: cidr_table(5).
// SPDX-License-Identifier: Apache-2.0
#include "common/base/text.h"
#include "lookup/network.h"
#include "lookup/rules.h"

namespace dovetail::lookup {
namespace {

// Keys are the bytes of addresses. A negated network holds all others of its family, and none of the other family.
class NetworkPattern final : public Pattern {
 public:
  NetworkPattern(net::Network network, bool negated)
      : network_(std::move(network)), negated_(negated) {}
  Result<bool> matches(std::string_view key, Groups*) const override {
    return key.size() == network_.bytes.size() && holds(key) != negated_;
  }

 private:
  bool holds(std::string_view key) const {
    size_t whole = network_.bits / 8;
    if (key.compare(0, whole, network_.bytes, 0, whole) != 0) return false;
    unsigned rest = network_.bits % 8;
    auto differ = rest == 0 ? 0
                            : static_cast<unsigned char>(key[whole]) ^
                                  static_cast<unsigned char>(network_.bytes[whole]);
    return (static_cast<unsigned>(differ) >> (8 - rest)) == 0;
  }

  net::Network network_;
  bool negated_;
};

class CidrTable final : public RuleTable {
 public:
  using RuleTable::RuleTable;

 protected:
  Result<Found> answer(std::string_view key) override {
    auto address = address_bytes(key);
    return address ? RuleTable::answer(*address) : Result<Found>(Found());
  }
};

// What is wrong with the rule, or "".
std::string read_cidr_rule(std::string_view text, Rule& rule) {
  if (starts_with_word(text, "if")) {
    rule.kind = Rule::Kind::if_block;
    text = base::trim_left(text.substr(2));
  }
  bool negated = false;
  while (!text.empty() && text.front() == '!') {
    negated = !negated;
    text = base::trim_left(text.substr(1));
  }
  if (text.empty()) return "no address pattern: skipping this rule";
  size_t end = 0;
  while (end < text.size() && (rule.kind == Rule::Kind::if_block || !base::is_space(text[end])))
    ++end;
  auto pattern = text.substr(0, end);
  auto rest = base::trim(text.substr(end));
  if (rule.kind == Rule::Kind::match && rest.empty()) return "no lookup result: skipping this rule";
  auto network = parse_network(pattern);
  if (!network) return network.error().text + ": skipping this rule";
  rule.pattern = std::make_unique<NetworkPattern>(std::move(*network), negated);
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
      if (!base::trim(text.substr(5)).empty()) {
        log.warning("{}, line {}: garbage after ENDIF: skipping this rule", map, source.line);
        continue;
      }
      if (depth == 0) {
        log.warning("{}, line {}: ENDIF without IF: skipping this rule", map, source.line);
        continue;
      }
      --depth;
      rules.push_back({Rule::Kind::end_block, false, nullptr, {}, 0, source.line});
      continue;
    }
    Rule rule;
    rule.line = source.line;
    if (auto wrong = read_cidr_rule(text, rule); !wrong.empty()) {
      log.warning("{}, line {}: {}", map, source.line, wrong);
      continue;
    }
    if (rule.kind == Rule::Kind::if_block) ++depth;
    rules.push_back(std::move(rule));
  }
  link_rules(rules, map, log);
  return std::unique_ptr<Table>(
      std::make_unique<CidrTable>(format("{}:{}", type, name), std::move(rules), log));
}

}  // namespace dovetail::lookup
