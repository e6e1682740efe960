// Whole tables of an SQLite file. Columns have no width there: SQLite stores any text whatever the column says.
// SPDX-License-Identifier: Apache-2.0
#include <sqlite3.h>

#include "check/sql/databases.h"
#include "common/base/text.h"

namespace dovetail::check {

namespace {

struct SqliteCloser {
  void operator()(sqlite3* handle) const { sqlite3_close(handle); }
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

}  // namespace

Result<SqlRows> sqlite_rows(const SqlSource& source, const std::string& query) {
  sqlite3* opened = nullptr;
  int status = sqlite3_open_v2(source.path.c_str(), &opened, SQLITE_OPEN_READONLY, nullptr);
  std::unique_ptr<sqlite3, SqliteCloser> database(opened);
  if (status != SQLITE_OK)
    return config_error(format("{}: {}", source.path, sqlite3_errstr(status)));
  sqlite3_stmt* prepared = nullptr;
  status = sqlite3_prepare_v2(opened, query.c_str(), -1, &prepared, nullptr);
  std::unique_ptr<sqlite3_stmt, SqliteCloser> statement(prepared);
  if (status != SQLITE_OK)
    return config_error(format("{}: {}", source.path, sqlite3_errmsg(opened)));
  SqlRows rows;
  int count = sqlite3_column_count(prepared);
  for (int i = 0; i < count; ++i) rows.columns.push_back({sqlite3_column_name(prepared, i), 0});
  while ((status = sqlite3_step(prepared)) == SQLITE_ROW) {
    if (rows.rows.size() == kMostRows) {
      rows.cut = true;
      return rows;
    }
    auto& row = rows.rows.emplace_back();
    for (int i = 0; i < count; ++i) {
      auto* text = reinterpret_cast<const char*>(sqlite3_column_text(prepared, i));
      row.push_back(text ? std::optional<std::string>(text) : std::nullopt);
    }
  }
  if (status != SQLITE_DONE)
    return temporary(format("{}: {}", source.path, sqlite3_errmsg(opened)));
  return rows;
}

}  // namespace dovetail::check
