// Whole tables of a MySQL or MariaDB server, with the widths of their columns. Plain blocking calls: the check does one thing
// at a time, and a server that does not accept connections has been found out before.
// SPDX-License-Identifier: Apache-2.0
#include "check/sql/databases.h"
#include "common/base/text.h"

#ifdef DOVETAIL_HAVE_MYSQL
#include <mysql.h>
#endif

namespace dovetail::check {

#ifdef DOVETAIL_HAVE_MYSQL

namespace {

struct MysqlCloser {
  void operator()(MYSQL* handle) const { mysql_close(handle); }
  void operator()(MYSQL_RES* result) const { mysql_free_result(result); }
};

constexpr unsigned kConnectSeconds = 2, kReadSeconds = 10;

Error mysql_failure(MYSQL* handle) {
  return temporary(mysql_error(handle));
}

void read_columns(MYSQL* handle, MYSQL_RES* result, SqlRows& rows) {
  MY_CHARSET_INFO charset{};
  mysql_get_character_set_info(handle, &charset);
  unsigned long bytes = charset.mbmaxlen ? charset.mbmaxlen : 1;
  unsigned count = mysql_num_fields(result);
  auto* fields = mysql_fetch_fields(result);
  for (unsigned i = 0; i < count; ++i) {
    bool stored = fields[i].org_name_length > 0;  // an expression has no width of its own
    bool text = fields[i].type == MYSQL_TYPE_VAR_STRING || fields[i].type == MYSQL_TYPE_STRING;
    bool binary = fields[i].charsetnr == 63;
    unsigned long width = stored && text ? fields[i].length / (binary ? 1 : bytes) : 0;
    rows.columns.push_back({fields[i].name, width});
  }
}

const char* text_or_null(const std::string& text) {
  return text.empty() ? nullptr : text.c_str();
}

void set_up(MYSQL* handle, const SqlSource& source) {
  if (!source.option_file.empty())
    mysql_options(handle, MYSQL_READ_DEFAULT_FILE, source.option_file.c_str());
  if (!source.option_group.empty())
    mysql_options(handle, MYSQL_READ_DEFAULT_GROUP, source.option_group.c_str());
  if (!source.tls_key_file.empty() || !source.tls_cert_file.empty() ||
      !source.tls_ca_file.empty() || !source.tls_ca_path.empty() || !source.tls_ciphers.empty()) {
    mysql_ssl_set(handle, text_or_null(source.tls_key_file), text_or_null(source.tls_cert_file),
                  text_or_null(source.tls_ca_file), text_or_null(source.tls_ca_path),
                  text_or_null(source.tls_ciphers));
  }
  my_bool verify = source.tls_verify_cert;
  mysql_options(handle, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
}

}  // namespace

Result<SqlRows> mysql_rows(const SqlSource& source, const std::string& host,
                           const std::string& query) {
  std::unique_ptr<MYSQL, MysqlCloser> handle(mysql_init(nullptr));
  set_up(handle.get(), source);
  mysql_options(handle.get(), MYSQL_OPT_CONNECT_TIMEOUT, &kConnectSeconds);
  mysql_options(handle.get(), MYSQL_OPT_READ_TIMEOUT, &kReadSeconds);
  mysql_options(handle.get(), MYSQL_SET_CHARSET_NAME, "utf8mb4");
  const bool socket = host.starts_with('/');
  std::string password(source.password.reveal());
  if (!mysql_real_connect(handle.get(), socket ? nullptr : host.c_str(), text_or_null(source.user),
                          text_or_null(password), text_or_null(source.dbname), source.port,
                          socket ? host.c_str() : nullptr, 0))
    return mysql_failure(handle.get());
  if (mysql_real_query(handle.get(), query.data(), query.size()) != 0)
    return config_error(mysql_error(handle.get()));
  std::unique_ptr<MYSQL_RES, MysqlCloser> result(mysql_use_result(handle.get()));
  if (!result) return mysql_failure(handle.get());
  SqlRows rows;
  read_columns(handle.get(), result.get(), rows);
  while (MYSQL_ROW row = mysql_fetch_row(result.get())) {
    if (rows.rows.size() == kMostRows) {
      rows.cut = true;
      return rows;
    }
    auto* lengths = mysql_fetch_lengths(result.get());
    auto& copy = rows.rows.emplace_back();
    for (size_t i = 0; i < rows.columns.size(); ++i) {
      if (row[i])
        copy.emplace_back(std::in_place, row[i], lengths[i]);
      else
        copy.emplace_back();
    }
  }
  if (mysql_errno(handle.get()) != 0) return mysql_failure(handle.get());
  return rows;
}

#else

Result<SqlRows> mysql_rows(const SqlSource&, const std::string&, const std::string&) {
  return config_error("this build has no MySQL client");
}

#endif

}  // namespace dovetail::check
