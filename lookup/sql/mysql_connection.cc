// SPDX-License-Identifier: Apache-2.0
#include "lookup/sql/mysql_connection.h"

#include <errmsg.h>
#include <mysql.h>
#include <poll.h>

#include <cerrno>
#include <cstring>

#include "common/base/text.h"

namespace dovetail::lookup {
namespace {

constexpr unsigned kConnectTimeout = 10;  // seconds
constexpr unsigned kIoTimeout = 60;

const char* c_str_or_null(const std::string& text) {
  return text.empty() ? nullptr : text.c_str();
}

}  // namespace

MysqlConnection::~MysqlConnection() {
  watch_.reset();
  // Allowed also while a call is suspended: the library then drops that call.
  if (mysql_) mysql_close(mysql_);
}

void MysqlConnection::apply() {
  const auto& settings = *settings_;
  mysql_options(mysql_, MYSQL_OPT_NONBLOCK, nullptr);
  if (!settings.option_file.empty())
    mysql_options(mysql_, MYSQL_READ_DEFAULT_FILE, settings.option_file.c_str());
  if (!settings.option_group.empty())
    mysql_options(mysql_, MYSQL_READ_DEFAULT_GROUP, settings.option_group.c_str());
  mysql_options(mysql_, MYSQL_OPT_CONNECT_TIMEOUT, &kConnectTimeout);
  mysql_options(mysql_, MYSQL_OPT_READ_TIMEOUT, &kIoTimeout);
  mysql_options(mysql_, MYSQL_OPT_WRITE_TIMEOUT, &kIoTimeout);
  if (!settings.charset.empty())
    mysql_options(mysql_, MYSQL_SET_CHARSET_NAME, settings.charset.c_str());
  if (!settings.tls_key_file.empty() || !settings.tls_cert_file.empty() ||
      !settings.tls_ca_file.empty() || !settings.tls_ca_path.empty() ||
      !settings.tls_ciphers.empty()) {
    mysql_ssl_set(mysql_, c_str_or_null(settings.tls_key_file),
                  c_str_or_null(settings.tls_cert_file), c_str_or_null(settings.tls_ca_file),
                  c_str_or_null(settings.tls_ca_path), c_str_or_null(settings.tls_ciphers));
  }
  my_bool verify = settings.tls_verify_cert;
  mysql_options(mysql_, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
}

// Waits for what the library waits for and says what has come. The only place where IoError is caught in this room:
// the library wants to be told that its time is up, and then gives the error itself.
Task<int> MysqlConnection::wait(int status, bool new_socket) {
  int fd = static_cast<int>(mysql_get_socket(mysql_));
  // While connecting the library may close one socket and open the next under the same number.
  if (new_socket || fd != watched_) {
    watch_.reset();
    watch_.emplace(loop_, fd);
    watched_ = fd;
  }
  std::optional<base::Milliseconds> time;
  if (status & MYSQL_WAIT_TIMEOUT) time = base::Milliseconds(mysql_get_timeout_value_ms(mysql_));
  bool timed_out = false;
  try {
    if (status & MYSQL_WAIT_READ) {
      watch_->not_readable();
      co_await watch_->readable(time);
    } else {
      watch_->not_writable();
      co_await watch_->writable(time);
    }
  } catch (const IoError& error) {
    if (error.why != IoError::timeout) throw;
    timed_out = true;
  }
  if (timed_out) co_return MYSQL_WAIT_TIMEOUT;
  co_return status & ~MYSQL_WAIT_TIMEOUT;
}

Task<Result<void>> MysqlConnection::connect(const SqlHost& host, std::string address) {
  mysql_ = mysql_init(nullptr);
  if (!mysql_) co_return temporary("out of memory");
  apply();
  const auto& settings = *settings_;
  std::string password(settings.password.reveal());
  MYSQL* connected = nullptr;
  int status = mysql_real_connect_start(&connected, mysql_, c_str_or_null(address),
                                        c_str_or_null(settings.user), password.c_str(),
                                        c_str_or_null(settings.dbname), host.port,
                                        c_str_or_null(host.socket_path), CLIENT_MULTI_RESULTS);
  while (status) {
    int ready = co_await wait(status, true);
    status = mysql_real_connect_cont(&connected, mysql_, ready);
  }
  base::wipe(password);
  if (!connected) {
    auto error = failure();
    lost_ = true;
    co_return error;
  }
  co_return Result<void>();
}

std::optional<std::string> MysqlConnection::escape(std::string_view text) const {
  std::string escaped(text.size() * 2 + 1, '\0');
  escaped.resize(mysql_real_escape_string(mysql_, escaped.data(), text.data(), text.size()));
  return escaped;
}

bool MysqlConnection::closed_by_server() const {
  pollfd check{static_cast<int>(mysql_get_socket(mysql_)), POLLIN | POLLRDHUP, 0};
  return ::poll(&check, 1, 0) != 0;
}

Error MysqlConnection::failure() {
  auto number = mysql_errno(mysql_);
  std::string text = mysql_error(mysql_);
  lost_ = number == CR_SERVER_GONE_ERROR || number == CR_SERVER_LOST ||
          number == CR_COMMANDS_OUT_OF_SYNC;
  // "Can't connect to ... (2)": the library's words end with the errno.
  error_number_ = EAGAIN;
  if (number == CR_CONNECTION_ERROR || number == CR_CONN_HOST_ERROR) {
    auto open = text.rfind('(');
    auto code = open == std::string::npos
                    ? std::nullopt
                    : base::parse_number<int>(
                          base::cut(std::string_view(text).substr(open + 1), ')').first);
    if (code && *code > 0) error_number_ = *code;
  }
  return temporary(std::move(text));
}

namespace {

void append_rows(MYSQL_RES* result, SqlValues& values) {
  auto columns = mysql_num_fields(result);
  while (MYSQL_ROW row = mysql_fetch_row(result)) {
    auto* lengths = mysql_fetch_lengths(result);
    for (unsigned column = 0; column < columns; ++column) {
      if (row[column])
        values.emplace_back(std::in_place, row[column], lengths[column]);
      else
        values.emplace_back();
    }
  }
  mysql_free_result(result);
}

}  // namespace

// Goes on to the next result of a stored procedure; false: there is none (or an error, which failure() then shows).
Task<bool> MysqlConnection::more_results() {
  int more = 0;
  int status = mysql_next_result_start(&more, mysql_);
  while (status) {
    int ready = co_await wait(status, false);
    status = mysql_next_result_cont(&more, mysql_, ready);
  }
  co_return more == 0;
}

Task<Result<SqlValues>> MysqlConnection::query(std::string text) {
  int failed = 0;
  int status = mysql_real_query_start(&failed, mysql_, text.data(), text.size());
  while (status) {
    int ready = co_await wait(status, false);
    status = mysql_real_query_cont(&failed, mysql_, ready);
  }
  if (failed) co_return failure();
  SqlValues values;
  int result_sets = 0;
  for (;;) {
    MYSQL_RES* result = nullptr;
    status = mysql_store_result_start(&result, mysql_);
    while (status) {
      int ready = co_await wait(status, false);
      status = mysql_store_result_cont(&result, mysql_, ready);
    }
    if (result) {
      ++result_sets;
      if (result_sets == 1)
        append_rows(result, values);
      else
        mysql_free_result(result);
    } else if (mysql_errno(mysql_)) {
      co_return failure();
    }
    bool another = co_await more_results();
    if (!another) break;
  }
  if (mysql_errno(mysql_)) co_return failure();
  error_number_ = EAGAIN;
  if (result_sets > 1) co_return temporary("multiple result sets returning data are not supported");
  if (result_sets == 0 && settings_->require_result_set)
    co_return temporary("query returned no result set (require_result_set = yes)");
  co_return values;
}

}  // namespace dovetail::lookup
