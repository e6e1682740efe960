// See query.h.
// SPDX-License-Identifier: Apache-2.0
#include "mda/doveadm/query.h"

#include <algorithm>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "mda/imap/text_form.h"

namespace dovetail::mda::doveadm {

namespace {

constexpr unsigned kQueryDepth = 50;
constexpr int64_t kQueryDay = 24 * 3600;

// Keys with words behind them; all others stand alone or are refused by the search itself.
struct QueryKey {
  std::string_view name;
  unsigned words;
  bool date = false;
};
// clang-format off
constexpr QueryKey kQueryKeys[] = {
    {"BCC", 1}, {"BODY", 1}, {"CC", 1}, {"FROM", 1}, {"HEADER", 2}, {"KEYWORD", 1}, {"LARGER", 1}, {"MODSEQ", 1},
    {"OLDER", 1}, {"SMALLER", 1}, {"SUBJECT", 1}, {"TEXT", 1}, {"TO", 1}, {"UID", 1}, {"UNKEYWORD", 1}, {"X-GUID", 1},
    {"GUID", 1}, {"YOUNGER", 1},
    {"BEFORE", 1, true}, {"ON", 1, true}, {"SINCE", 1, true}, {"SENTBEFORE", 1, true}, {"SENTON", 1, true},
    {"SENTSINCE", 1, true}, {"SAVEDBEFORE", 1, true}, {"SAVEDON", 1, true}, {"SAVEDSINCE", 1, true},
};
// clang-format on

imap::Arg query_word(std::string text) {
  return {imap::Arg::Type::atom, std::move(text), {}};
}

imap::Arg query_text(std::string text) {
  return {imap::Arg::Type::quoted, std::move(text), {}};
}

imap::Arg query_list(imap::Args list) {
  return {imap::Arg::Type::list, {}, std::move(list)};
}

// "2 weeks", "30d", "1hour": seconds.
std::optional<int64_t> parse_age(std::string_view text) {
  size_t digits = 0;
  while (digits < text.size() && base::is_digit(text[digits])) ++digits;
  auto number = base::parse_number<int64_t>(text.substr(0, digits));
  auto unit = base::lower(base::trim(text.substr(digits)));
  if (!number || unit.empty()) return std::nullopt;
  static constexpr std::pair<std::string_view, int64_t> units[] = {{"seconds", 1},
                                                                   {"minutes", 60},
                                                                   {"hours", 3600},
                                                                   {"days", kQueryDay},
                                                                   {"weeks", 7 * kQueryDay}};
  for (auto& [name, seconds] : units) {
    if (name.starts_with(unit) && *number < 1'000'000) return *number * seconds;
  }
  return unit == "min" || unit == "mins"   ? std::optional(*number * 60)
         : unit == "sec" || unit == "secs" ? std::optional(*number)
                                           : std::nullopt;
}

std::string imap_day(int64_t seconds) {
  return base::format_time("%d-%b-%Y", seconds);
}

// The day as IMAP writes it.
std::optional<std::string> query_day(const std::string& text, int64_t now) {
  if (base::iequals(text, "now")) return imap_day(now);
  if (auto age = parse_age(text)) return imap_day(now - *age);
  if (auto seconds = base::parse_number<int64_t>(text)) return imap_day(*seconds);
  auto parts = base::split(text, '-');
  if (parts.size() == 3 && parts[0].size() == 4) {
    static constexpr std::string_view months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    auto month = base::parse_number<unsigned>(parts[1]);
    if (!month || *month < 1 || *month > 12) return std::nullopt;
    std::string day = format("{}-{}-{}", parts[2], months[*month - 1], parts[0]);
    return imap::parse_date(day) ? std::optional(day) : std::nullopt;
  }
  return imap::parse_date(text) ? std::optional(text) : std::nullopt;
}

class QueryParser {
 public:
  QueryParser(const std::vector<std::string>& words, int64_t now) : words_(words), now_(now) {}

  Result<SearchQuery> parse() {
    auto all = parse_terms(0);
    if (!all) return all.error();
    if (at_ < words_.size()) return permanent("Unexpected ')'");
    query_.criteria = std::move(*all);
    if (query_.criteria.empty()) query_.criteria.push_back(query_word("ALL"));
    return std::move(query_);
  }

 private:
  // Terms up to a closing parenthesis or the end; "or" joins its two neighbours.
  Result<imap::Args> parse_terms(unsigned depth) {
    if (depth > kQueryDepth) return permanent("Query is too complex");
    imap::Args terms;
    while (at_ < words_.size() && words_[at_] != ")") {
      bool either = base::iequals(words_[at_], "or");
      if (either) {
        ++at_;
        if (terms.empty()) return permanent("OR without a query before it");
      }
      auto term = parse_term(depth);
      if (!term) return term.error();
      if (either) {
        imap::Args both{query_word("OR")};
        both.push_back(std::move(terms.back()));
        both.push_back(query_list(std::move(*term)));
        terms.back() = query_list(std::move(both));
      } else if (!term->empty()) {
        terms.push_back(query_list(std::move(*term)));
      }
    }
    return terms;
  }

  // Empty: "mailbox NAME", which chooses mailboxes instead of messages.
  Result<imap::Args> parse_term(unsigned depth) {
    if (at_ >= words_.size()) return permanent("Missing query");
    std::string word = words_[at_++];
    std::string key = base::upper(word);
    if (word == "(") {
      auto inner = parse_terms(depth + 1);
      if (!inner) return inner.error();
      if (at_ >= words_.size()) return permanent("Missing ')'");
      ++at_;
      return inner;
    }
    if (key == "NOT") {
      auto term = parse_term(depth + 1);
      if (!term) return term.error();
      return imap::Args{query_word("NOT"), query_list(std::move(*term))};
    }
    if (key == "MAILBOX") return parse_mailbox(depth);
    for (const auto& known : kQueryKeys) {
      if (known.name == key) return parse_operands(known);
    }
    return imap::Args{query_word(std::move(word))};
  }

  Result<imap::Args> parse_mailbox(unsigned depth) {
    if (at_ >= words_.size()) return permanent("Missing parameter for MAILBOX");
    bool joined = at_ + 1 < words_.size() && base::iequals(words_[at_ + 1], "or");
    if (depth > 0 || joined)
      return permanent("MAILBOX inside OR, NOT or parentheses is not supported yet");
    query_.masks.push_back(words_[at_++]);
    return imap::Args{};
  }

  Result<imap::Args> parse_operands(const QueryKey& known) {
    imap::Args term{query_word(known.name == "GUID" ? "X-GUID" : std::string(known.name))};
    for (unsigned i = 0; i < known.words; ++i) {
      if (at_ >= words_.size()) return permanent(format("Missing parameter for {}", known.name));
      std::string value = words_[at_++];
      auto age = known.name == "OLDER" || known.name == "YOUNGER" ? parse_age(value) : std::nullopt;
      if (known.date) {
        auto day = query_day(value, now_);
        if (!day) return permanent("Invalid search date parameter");
        value = std::move(*day);
      }
      if (age) value = std::to_string(*age);
      bool text = known.name != "UID" && known.name != "MODSEQ" && known.name != "LARGER" &&
                  known.name != "SMALLER" && known.name != "OLDER" && known.name != "YOUNGER";
      term.push_back(text ? query_text(std::move(value)) : query_word(std::move(value)));
    }
    return term;
  }

  const std::vector<std::string>& words_;
  int64_t now_;
  size_t at_ = 0;
  SearchQuery query_;
};

}  // namespace

Result<SearchQuery> parse_search_query(const std::vector<std::string>& words, int64_t now) {
  return QueryParser(words, now).parse();
}

}  // namespace dovetail::mda::doveadm
