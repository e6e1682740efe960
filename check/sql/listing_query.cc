// Takes a SELECT apart at its words, as far as that is safe.
// SPDX-License-Identifier: Apache-2.0
#include "check/sql/listing_query.h"

#include <algorithm>

#include "common/base/text.h"

namespace dovetail::check {

namespace {

using Part = ListingQuery::Part;

// Whether a whole word of SQL begins here.
bool sql_word_at(std::string_view text, size_t at, std::string_view word) {
  auto is_word = [](char c) { return base::is_alnum(c) || c == '_' || c == '.' || c == '`'; };
  return base::istarts_with(text.substr(at), word) && (at == 0 || !is_word(text[at - 1])) &&
         (at + word.size() >= text.size() || !is_word(text[at + word.size()]));
}

// The first of these words outside of quotes and parentheses; npos: none.
size_t find_sql_word(std::string_view text, std::string_view word, size_t from = 0) {
  char quote = 0;
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (quote) {
      if (c == quote) quote = 0;
    } else if (c == '\'' || c == '"' || c == '`') {
      quote = c;
    } else if (c == '(') {
      ++depth;
    } else if (c == ')') {
      --depth;
    } else if (depth == 0 && i >= from && sql_word_at(text, i, word)) {
      return i;
    }
  }
  return text.npos;
}

std::vector<std::string_view> and_terms(std::string_view text) {
  std::vector<std::string_view> terms;
  for (;;) {
    auto at = find_sql_word(text, "and");
    terms.push_back(base::trim(text.substr(0, at)));
    if (at == text.npos) return terms;
    text.remove_prefix(at + 3);
  }
}

struct PlaceholderName {
  std::string_view postfix, dovecot;
  Part part;
};
constexpr PlaceholderName placeholder_names[] = {
    {"%s", "%u", Part::whole},    {"%u", "%n", Part::local},        {"%d", "%d", Part::domain},
    {"", "%{user}", Part::whole}, {"", "%{username}", Part::local}, {"", "%{domain}", Part::domain},
};

// '%s', lower('%s'), '%Lu': one quoted placeholder, perhaps within a function.
std::optional<Part> placeholder_part(std::string_view side, bool dovecot) {
  side = base::trim(side);
  while (side.ends_with(')') && side.find('(') < side.find('\'')) {
    side.remove_prefix(side.find('(') + 1);
    side.remove_suffix(1);
    side = base::trim(side);
  }
  if (side.size() < 4 || (side[0] != '\'' && side[0] != '"') || side.back() != side[0])
    return std::nullopt;
  std::string name(side.substr(1, side.size() - 2));
  if (dovecot && name.size() == 3 && name[1] == 'L') name.erase(1, 1);  // lower case
  for (auto& known : placeholder_names) {
    if (name == (dovecot ? known.dovecot : known.postfix)) return known.part;
  }
  return std::nullopt;
}

struct KeyColumn {
  std::string expression;
  Part part;
};
// "email = '%s'" either way round.
std::optional<KeyColumn> key_column(std::string_view term, bool dovecot) {
  auto equals = term.find('=');
  auto like = find_sql_word(term, "like");
  if (equals == term.npos && like == term.npos) return std::nullopt;
  auto left = base::trim(term.substr(0, std::min(equals, like)));
  auto right = base::trim(like < equals ? term.substr(like + 4) : term.substr(equals + 1));
  if (left.ends_with('<') || left.ends_with('>') || left.ends_with('!')) return std::nullopt;
  if (left.find('%') == left.npos) {
    auto part = placeholder_part(right, dovecot);
    if (part) return KeyColumn{std::string(left), *part};
  } else if (right.find('%') == right.npos) {
    auto part = placeholder_part(left, dovecot);
    if (part) return KeyColumn{std::string(right), *part};
  }
  return std::nullopt;
}

bool is_involved(std::string_view query) {
  constexpr std::string_view words[] = {"union", "group", "having", "or", "xor"};
  return std::any_of(std::begin(words), std::end(words), [&](std::string_view word) {
    return find_sql_word(query, word) != query.npos;
  });
}

std::string_view without_tail(std::string_view query) {
  query = base::trim(query, " \t\r\n;");
  for (std::string_view word : {"limit", "order"}) {
    query = base::trim(query.substr(0, find_sql_word(query, word)));
  }
  return query;
}

}  // namespace

std::string ListingQuery::key_of(const std::vector<std::optional<std::string>>& row) const {
  std::string local, domain;
  for (size_t i = 0; i < parts.size() && i < row.size(); ++i) {
    auto value = row[i].value_or("");
    if (parts[i] == Part::whole) return value;
    (parts[i] == Part::local ? local : domain) = value;
  }
  if (local.empty()) return domain;
  return domain.empty() ? local : local + "@" + domain;
}

std::optional<ListingQuery> listing_query(std::string_view query, bool dovecot) {
  query = without_tail(query);
  if (!sql_word_at(query, 0, "select") || is_involved(query)) return std::nullopt;
  auto from = find_sql_word(query, "from"), where = find_sql_word(query, "where");
  if (from == query.npos || where == query.npos || where < from) return std::nullopt;
  auto selected = query.substr(6, from - 6);
  auto tables = query.substr(from, where - from);
  if (tables.find('%') != tables.npos) return std::nullopt;
  ListingQuery made;
  std::string keys, conditions;
  for (auto term : and_terms(query.substr(where + 5))) {
    if (term.find('%') == term.npos) {
      conditions += (conditions.empty() ? " WHERE " : " AND ") + std::string(term);
      continue;
    }
    auto column = key_column(term, dovecot);
    if (!column) return std::nullopt;
    keys += column->expression + ", ";
    made.parts.push_back(column->part);
  }
  if (made.parts.empty()) return std::nullopt;
  made.text =
      format("SELECT {}{} {}{}", keys, base::trim(selected), base::trim(tables), conditions);
  return made;
}

}  // namespace dovetail::check
