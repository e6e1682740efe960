// SPDX-License-Identifier: Apache-2.0
#include "authd/passdb/sql.h"

#include "common/base/text.h"

namespace dovetail::authd {

namespace {

// The columns of the only row; NULL ones are left out.
std::vector<FieldTemplate> fields_of_row(SqlRows& rows) {
  std::vector<FieldTemplate> fields;
  for (size_t i = 0; i < rows.columns.size(); ++i) {
    auto& value = rows.rows[0][i];
    if (value) fields.push_back({rows.columns[i], std::move(*value)});
  }
  return fields;
}

const FieldTemplate* find_column(const std::vector<FieldTemplate>& fields, std::string_view name) {
  for (const auto& field : fields) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

bool has_column(const SqlRows& rows, std::string_view name) {
  for (const auto& column : rows.columns) {
    if (column == name) return true;
  }
  return false;
}

PassdbReply passdb_failure(PassdbResult result, std::string log) {
  return {result, {}, std::move(log), true};
}

class SqlPassdb : public Passdb {
 public:
  SqlPassdb(std::shared_ptr<SqlDb> db, SqlConfig config)
      : db_(std::move(db)), config_(std::move(config)) {}
  std::string_view driver() const override { return "sql"; }
  std::string default_scheme() const override { return config_.default_pass_scheme; }
  std::string cache_key() const override { return config_.password_query; }

  net::Task<PassdbReply> lookup(const Request& request) override {
    auto rows = co_await db_->query(config_.password_query, request);
    if (!rows) {
      const bool down = rows.error().text == "Not connected to database";
      co_return passdb_failure(
          PassdbResult::internal_failure,
          down ? rows.error().text : format("Password query failed: {}", rows.error().text));
    }
    co_return judge(*rows);
  }

 private:
  static PassdbReply judge(SqlRows& rows) {
    if (rows.rows.empty()) return {PassdbResult::unknown, {}, "unknown user", false};
    if (rows.rows.size() > 1) {
      return passdb_failure(PassdbResult::internal_failure,
                            "Password query returned multiple matches");
    }
    if (!has_column(rows, "password") && !has_column(rows, "password_noscheme")) {
      return passdb_failure(PassdbResult::internal_failure,
                            "Password query must return a field named 'password'");
    }
    PassdbReply reply{PassdbResult::ok, fields_of_row(rows), {}, false};
    const auto* password = find_column(reply.fields, "password");
    const bool any_password = find_column(reply.fields, "nopassword") != nullptr;
    if (any_password && password && !password->value.empty()) {
      return passdb_failure(PassdbResult::mismatch, "nopassword set but password is non-empty");
    }
    if (!any_password && !password && !find_column(reply.fields, "password_noscheme")) {
      return {PassdbResult::mismatch, {}, "Empty password returned without nopassword", false};
    }
    return reply;
  }

  std::shared_ptr<SqlDb> db_;
  SqlConfig config_;
};

class SqlUserdb : public Userdb {
 public:
  SqlUserdb(std::shared_ptr<SqlDb> db, SqlConfig config)
      : db_(std::move(db)), config_(std::move(config)) {}
  std::string_view driver() const override { return "sql"; }
  std::string cache_key() const override { return config_.user_query; }
  bool can_list() const override { return true; }

  net::Task<UserdbReply> lookup(const Request& request) override {
    UserdbReply reply;
    auto rows = co_await db_->query(config_.user_query, request);
    reply.log_is_error = true;
    if (!rows) {
      reply.log = format("User query failed: {}", rows.error().text);
    } else if (rows->rows.size() > 1) {
      reply.log = "User query returned multiple matches";
    } else if (rows->rows.empty()) {
      reply.result = UserdbResult::unknown;
      reply.log = "unknown user";
      reply.log_is_error = false;
    } else {
      reply.result = UserdbResult::ok;
      reply.fields = fields_of_row(*rows);
    }
    co_return reply;
  }

  net::Task<Result<std::vector<std::string>>> list() override {
    Request nobody;
    auto rows = co_await db_->query(config_.iterate_query, nobody);
    if (!rows) co_return rows.error().wrap("sql: Iterate query failed");
    co_return names_of(*rows);
  }

 private:
  // A column user, or username with or without domain.
  static Result<std::vector<std::string>> names_of(const SqlRows& rows) {
    size_t user = rows.columns.size(), domain = rows.columns.size();
    for (size_t i = 0; i < rows.columns.size(); ++i) {
      if (rows.columns[i] == "user" || rows.columns[i] == "username") user = i;
      if (rows.columns[i] == "domain") domain = i;
    }
    if (user == rows.columns.size())
      return temporary("sql: Iterate query didn't return 'user' field");
    std::vector<std::string> names;
    for (const auto& row : rows.rows) {
      if (!row[user]) continue;
      names.push_back(*row[user]);
      if (domain < row.size() && row[domain]) names.back() += "@" + *row[domain];
    }
    return names;
  }

  std::shared_ptr<SqlDb> db_;
  SqlConfig config_;
};

}  // namespace

net::Task<PassdbReply> Passdb::verify(const Request& request) {
  auto reply = co_await lookup(request);
  co_return reply;
}

net::Task<Result<std::vector<std::string>>> Userdb::list() {
  co_return temporary("Trying to iterate users, but userdbs don't support it");
}

std::unique_ptr<Passdb> make_sql_passdb(std::shared_ptr<SqlDb> db, SqlConfig config) {
  return std::make_unique<SqlPassdb>(std::move(db), std::move(config));
}

std::unique_ptr<Userdb> make_sql_userdb(std::shared_ptr<SqlDb> db, SqlConfig config) {
  return std::make_unique<SqlUserdb>(std::move(db), std::move(config));
}

}  // namespace dovetail::authd
