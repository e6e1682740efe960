// The tables of one parameter, in their order: the first that has the key wins, the first that cannot tell ends the search.
// Which forms of an address are asked, and in which order, is mail_addr_find's.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lookup/registry.h"
#include "lookup/table.h"

namespace dovetail::lookup {

// Answers already had while one message is handled: the same (table, key) is asked once. Errors are not remembered.
class LookupCache {
 public:
  const Found* find(const Table& table, std::string_view key) const;
  void remember(const Table& table, std::string_view key, const Found& found);
  void clear() { answers_.clear(); }

 private:
  std::map<std::pair<const Table*, std::string>, Found, std::less<>> answers_;
};

class Maps {
 public:
  Maps() = default;  // no tables: nothing is found

  // title: the parameter's name, for warnings; value: its expanded value.
  static Result<Maps> open(net::Loop& loop, const conf::MainCf& main_cf, std::string_view title,
                           std::string_view value, const OpenOptions& options);
  // For tests and for tables opened elsewhere.
  Maps(std::string title, std::vector<std::shared_ptr<Table>> tables, const Logger& log);

  // part = Keys::fixed: the key is a part of the address, pattern tables are not asked.
  // An empty result is a configuration error of the table: a warning, and a temporary Error.
  Task<Result<Found>> lookup(std::string_view key, Keys part = Keys::pattern,
                             LookupCache* cache = nullptr) const;

  bool empty() const { return tables_.empty(); }
  // Whether a table's files have changed so that only a new process sees it (Table::changed).
  bool changed() const;
  const std::string& title() const { return title_; }
  const std::vector<std::shared_ptr<Table>>& tables() const { return tables_; }

 private:
  Result<Found> judge(size_t index, std::string_view key, Result<Found> found) const;

  std::string title_;
  std::vector<std::shared_ptr<Table>> tables_;
  std::vector<std::string> given_;  // the tables as the administrator wrote them, for warnings
  Logger log_{"lookup"};
};

}  // namespace dovetail::lookup
