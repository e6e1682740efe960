// What the pattern tables (regexp, pcre, cidr) share: where rules come from, if/endif nesting, "$1" in results.
// Each type adds how one pattern is written and matched. Manuals: regexp_table(5), pcre_table(5), cidr_table(5).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lookup/types.h"

namespace dovetail::lookup {

// The groups of a match as parts of the key; [0] is the whole match.
using Groups = std::vector<std::string_view>;

class Pattern {
 public:
  virtual ~Pattern() = default;
  virtual size_t groups() const { return 0; }
  // groups is filled only if it is not null. An Error: running into a match limit.
  virtual Result<bool> matches(std::string_view key, Groups* groups) const = 0;
};

// A result with its $1, ${2}, $(3), $$ taken apart.
struct Replacement {
  struct Piece {
    std::string text;
    size_t group = 0;  // 0: text
  };
  std::vector<Piece> pieces;
  size_t highest = 0;
  std::string expand(const Groups& groups) const;
};
Result<Replacement> parse_replacement(std::string_view text);

struct Rule {
  enum class Kind { match, if_block, end_block };
  Kind kind = Kind::match;
  bool negated = false;
  std::unique_ptr<Pattern> pattern;
  Replacement replacement;
  size_t end = 0;  // if_block: index of its end_block, or the number of rules
  int line = 0;
};

// One line or one {rule} of an inline table.
struct RuleText {
  std::string text;
  int line = 0;
};
Result<std::vector<RuleText>> read_rules(std::string_view type, const std::string& name,
                                         const Logger& log);

// Links if_block to end_block; warns of those without partner, as the incumbent.
void link_rules(std::vector<Rule>& rules, std::string_view map, const Logger& log);

// "if"/"endif" in any case at the start of a line, followed by something that is not a word.
bool starts_with_word(std::string_view line, std::string_view word);

class RuleTable : public InstantTable {
 public:
  RuleTable(std::string table, std::vector<Rule> rules, const Logger& log)
      : InstantTable(std::move(table), Keys::pattern), rules_(std::move(rules)), log_(log) {}

 protected:
  Result<Found> answer(std::string_view key) override;

 private:
  std::vector<Rule> rules_;
  Logger log_;
};

// A delimited pattern: "/text/flags rest"; the Error has the incumbent's words.
struct Delimited {
  std::string text;
  std::string flags;
  std::string rest;
};
Result<Delimited> split_delimited(std::string_view text);

// Compiles a regexp or pcre pattern; the Error is a warning text, without "skipping".
using Compile = Result<std::unique_ptr<Pattern>> (*)(const Delimited& pattern, const Logger& log);
Opened open_expressions(const OpenContext& context, std::string_view type, const std::string& name,
                        Compile compile, std::string_view unclosed);

}  // namespace dovetail::lookup
