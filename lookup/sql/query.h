// What mysql:, pgsql:, sqlite: (and in part memcache:, ldap:) have in common: templates with %s %u %d %1, the domain list, how rows become
// one result. Quoting is the driver's. Manuals: mysql_table(5), sqlite_table(5).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conf/postfix/table_cf.h"
#include "lookup/match_list.h"
#include "lookup/types.h"

namespace dovetail::lookup {

using Quote = std::function<std::string(std::string_view text)>;

// A query or a result_format.
class SqlTemplate {
 public:
  SqlTemplate() = default;
  // what: "query" or "result". The Error is the incumbent's.
  static Result<SqlTemplate> parse(std::string_view owner, std::string_view what,
                                   std::string_view text);

  // nullopt: value or key lacks a part the template needs (no query is made, the value is skipped).
  // key is null in a query, where %S %U %D mean the same as %s %u %d.
  std::optional<std::string> expand(std::string_view value, const std::string_view* key,
                                    const Quote& quote) const;

 private:
  std::string text_;
};

struct SqlQuery {
  std::string owner;  // the .cf file, for messages
  SqlTemplate query;
  SqlTemplate result_format;
  bool has_domain_list = false;
  MatchList domain;
  int expansion_limit = 0;

  // Reads query (or the old table, select_field, where_field, additional_conditions), result_format, domain,
  // expansion_limit. functions: select_function as well (pgsql).
  static Result<SqlQuery> read(const OpenContext& context, const conf::TableCf& cf,
                               bool functions = false);
  Result<void> read_domain(const OpenContext& context, const conf::TableCf& cf);
  // Whether a key may be asked at all: the domain list.
  Task<Result<bool>> wants(std::string_view key) const;
};

// Opens TYPE's configuration; a missing file reads as the incumbent says it.
Result<conf::TableCf> open_table_cf(const OpenContext& context, std::string_view type,
                                    const std::string& source);
// The value of a parameter that must not be empty.
Result<std::string> required(const conf::TableCf& cf, std::string_view parameter);

// Collects the values of all rows: formatted, joined by commas, counted against expansion_limit.
class SqlResult {
 public:
  SqlResult(const SqlQuery& query, std::string_view table, std::string_view key, const Logger& log)
      : query_(query), table_(table), key_(key), log_(log) {}
  // False: expansion_limit is exceeded.
  bool add(std::string_view value);
  Found found() &&;

 private:
  const SqlQuery& query_;
  std::string table_;
  std::string_view key_;
  Logger log_;
  std::string joined_;
  bool any_ = false;
  int count_ = 0;
};

}  // namespace dovetail::lookup
