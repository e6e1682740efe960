// driver = sqlite: connect is the path of the file. SQLite blocks, so its one handle lives on a thread of its own.
// SPDX-License-Identifier: Apache-2.0
#include <sqlite3.h>

#include "authd/sql/sql_db.h"
#include "common/base/text.h"
#include "common/net/pool.h"

namespace dovetail::authd {

namespace {

struct SqliteFree {
  void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

std::string sqlite_quote(std::string_view value) {
  return base::replace_all(value, "'", "''");
}

// Everything in here runs on the pool's only thread.
class SqliteFile {
 public:
  explicit SqliteFile(std::string path) : path_(std::move(path)) {}

  Result<SqlRows> run(const std::string& text) {
    if (!db_) {
      auto opened = open();
      if (!opened) return opened.error();
    }
    sqlite3_stmt* raw = nullptr;
    if (sqlite3_prepare_v2(db_.get(), text.data(), static_cast<int>(text.size()), &raw, nullptr) !=
        SQLITE_OK) {
      return failed();
    }
    std::unique_ptr<sqlite3_stmt, SqliteFree> statement(raw);
    SqlRows rows;
    const int columns = sqlite3_column_count(raw);
    for (int i = 0; i < columns; ++i) rows.columns.emplace_back(sqlite3_column_name(raw, i));
    int state;
    while ((state = sqlite3_step(raw)) == SQLITE_ROW) {
      auto& row = rows.rows.emplace_back();
      for (int i = 0; i < columns; ++i) {
        const auto* value = reinterpret_cast<const char*>(sqlite3_column_text(raw, i));
        const auto size = static_cast<size_t>(sqlite3_column_bytes(raw, i));
        row.push_back(value ? std::optional<std::string>(std::in_place, value, size)
                            : std::nullopt);
      }
    }
    if (state != SQLITE_DONE) return failed();
    return rows;
  }

 private:
  Result<void> open() {
    sqlite3* raw = nullptr;
    // Never created: an empty database would say "unknown user" for everybody.
    int state =
        sqlite3_open_v2(path_.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
    db_.reset(raw);
    if (state != SQLITE_OK) return failed();
    sqlite3_busy_timeout(raw, 5000);
    return {};
  }

  // The handle is dropped: a file that was replaced or is back is opened afresh by the next query.
  Error failed() {
    std::string words = db_ ? sqlite3_errmsg(db_.get()) : "out of memory";
    db_.reset();
    return temporary(std::move(words));
  }

  std::string path_;
  std::unique_ptr<sqlite3, SqliteFree> db_;
};

class SqliteDb : public SqlDb {
 public:
  SqliteDb(net::Loop& loop, std::string path)
      : file_(std::make_shared<SqliteFile>(std::move(path))), pool_(loop, 1) {}

  net::Task<Result<SqlRows>> query(const std::string& text, const Request& request) override {
    auto variables = request_variables(request, text, sqlite_quote);
    auto expanded = conf::dovecot::expand_variables(text, variables);
    if (!expanded.error.empty()) co_return temporary(expanded.error);
    auto job = [file = file_, sql = std::move(expanded.text)] { return file->run(sql); };
    auto rows = co_await pool_.run(job);
    co_return rows;
  }

 private:
  std::shared_ptr<SqliteFile> file_;
  net::Pool pool_;
};

}  // namespace

Result<std::shared_ptr<SqlDb>> open_sqlite(net::Loop& loop, std::string_view connect, Logger) {
  // Options may stand behind the path (journal_mode=...): they tune writing, and we only read.
  const auto words = base::words(connect, " ");
  if (words.empty()) return config_error("sqlite: No database path given in connect string");
  return std::shared_ptr<SqlDb>(std::make_shared<SqliteDb>(loop, std::string(words[0])));
}

}  // namespace dovetail::authd
