// sqlite:FILE, tables in an SQLite database. The library may block on the disk and on locks: it works on a pool of one
// thread per table. Manual: sqlite_table(5).
// SPDX-License-Identifier: Apache-2.0
#include <sqlite3.h>

#include <mutex>

#include "common/base/text.h"
#include "common/net/pool.h"
#include "lookup/sql/query.h"
#include "lookup/types.h"

namespace dovetail::lookup {
namespace {

struct SqliteAnswer {
  std::vector<std::optional<std::string>> values;  // the first column of each row
  std::string error;                               // not empty: what failed
  bool fatal = false;                              // the query itself is wrong
};

// The handle, used by one job at a time.
class SqliteDatabase {
 public:
  explicit SqliteDatabase(sqlite3* database) : database_(database) {}
  SqliteDatabase(const SqliteDatabase&) = delete;
  ~SqliteDatabase() { sqlite3_close(database_); }

  SqliteAnswer run(const std::string& query) {
    std::lock_guard<std::mutex> hold(one_at_a_time_);
    SqliteAnswer answer;
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(database_, query.c_str(), -1, &statement, nullptr) != SQLITE_OK) {
      answer.fatal = sqlite3_errcode(database_) == SQLITE_ERROR;
      answer.error = format("SQL prepare failed: {}?", sqlite3_errmsg(database_));
      return answer;
    }
    int step = SQLITE_ROW;
    while ((step = sqlite3_step(statement)) == SQLITE_ROW) {
      auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
      auto size = static_cast<size_t>(sqlite3_column_bytes(statement, 0));
      if (text)
        answer.values.emplace_back(std::in_place, text, size);
      else
        answer.values.emplace_back();
    }
    if (step != SQLITE_DONE)
      answer.error = format("SQL step failed: {}", sqlite3_errmsg(database_));
    sqlite3_finalize(statement);
    return answer;
  }

 private:
  sqlite3* database_;
  std::mutex one_at_a_time_;
};

class SqliteTable final : public Table {
 public:
  SqliteTable(std::string table, SqlQuery query, std::shared_ptr<SqliteDatabase> database,
              std::shared_ptr<net::Pool> pool, const Logger& log)
      : Table(std::move(table), Keys::fixed),
        query_(std::move(query)),
        database_(std::move(database)),
        pool_(std::move(pool)),
        log_(log) {}

  Task<Result<Found>> lookup(std::string_view key) override {
    auto wanted = co_await query_.wants(key);
    if (!wanted) co_return wanted.error();
    if (!*wanted) co_return Found();
    Quote quote = [](std::string_view text) { return base::replace_all(text, "'", "''"); };
    auto text = query_.query.expand(key, nullptr, quote);
    if (!text) co_return Found();
    auto job = [database = database_, query = std::move(*text)] { return database->run(query); };
    auto answer = co_await pool_->run(job);
    if (!answer.error.empty()) {
      auto what = format("dict_sqlite_lookup: {}: {}", query_.owner, answer.error);
      if (answer.fatal) co_return config_error(what);
      log_.warning("{}", what);
      co_return temporary("Resource temporarily unavailable");
    }
    SqlResult result(query_, name(), key, log_);
    for (auto& value : answer.values) {
      if (!value || result.add(*value)) continue;
      log_.warning("dict_sqlite_lookup: {}: Expansion limit exceeded for key '{}'", query_.owner,
                   base::printable(key, true));
      co_return temporary("Resource temporarily unavailable");
    }
    co_return std::move(result).found();
  }

 private:
  SqlQuery query_;
  std::shared_ptr<SqliteDatabase> database_;
  std::shared_ptr<net::Pool> pool_;
  Logger log_;
};

}  // namespace

Opened open_sqlite(const OpenContext& context, std::string_view type, const std::string& name) {
  auto cf = open_table_cf(context, type, name);
  if (!cf) return cf.error();
  auto dbpath = required(*cf, "dbpath");
  if (!dbpath) return dbpath.error();
  auto query = SqlQuery::read(context, *cf);
  if (!query) return query.error();
  sqlite3* handle = nullptr;
  int opened = sqlite3_open(dbpath->c_str(), &handle);
  auto database = std::make_shared<SqliteDatabase>(handle);
  if (opened != SQLITE_OK) {
    return config_error(format("sqlite:{}: Can't open database: {}\n", name,
                               handle ? sqlite3_errmsg(handle) : "memory"));
  }
  sqlite3_busy_timeout(handle, 5000);
  auto pool = std::make_shared<net::Pool>(context.loop, 1);
  return std::unique_ptr<Table>(
      std::make_unique<SqliteTable>(format("{}:{}", type, name), std::move(*query),
                                    std::move(database), std::move(pool), context.options.log));
}

}  // namespace dovetail::lookup
