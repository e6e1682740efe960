// driver = mysql: Connector/C's non-blocking calls on the loop. A query takes an idle connection or opens one, to the
// first host that works; a host that failed is left alone for a second, so that a database that comes back is used
// within a second and one that is down costs one attempt a second.
// SPDX-License-Identifier: Apache-2.0
#include <mysql.h>
#include <errmsg.h>

#include <algorithm>

#include "authd/sql/sql_db.h"
#include "common/base/text.h"
#include "common/net/dns.h"
#include "common/net/loop.h"

namespace dovetail::authd {

namespace {

constexpr size_t kMaxConnections = 10;
constexpr base::Milliseconds kRetryAfter{900};

struct MysqlFree {
  void operator()(MYSQL* mysql) const { mysql_close(mysql); }
};

struct MysqlConnection {
  std::unique_ptr<MYSQL, MysqlFree> mysql;
  std::string host;
  bool used_before = false;
};

struct MysqlHost {
  std::string name;
  base::Milliseconds retry_at{0};
};

// Waits for what the library asks for and says what has come. The library may change its descriptor at each step.
net::Task<int> wait_for_mysql(net::Loop& loop, MYSQL* mysql, int status) {
  net::Watch watch(loop, static_cast<int>(mysql_get_socket(mysql)));
  std::optional<base::Milliseconds> time;
  if (status & MYSQL_WAIT_TIMEOUT) time = base::Milliseconds(mysql_get_timeout_value_ms(mysql));
  const bool writing = status & MYSQL_WAIT_WRITE;
  try {
    if (writing)
      co_await watch.writable(time);
    else
      co_await watch.readable(time);
  } catch (const IoError&) {
    co_return MYSQL_WAIT_TIMEOUT;
  }
  co_return writing ? MYSQL_WAIT_WRITE : MYSQL_WAIT_READ;
}

class MysqlDb : public SqlDb, public std::enable_shared_from_this<MysqlDb> {
 public:
  MysqlDb(net::Loop& loop, SqlConnect connect, Logger log)
      : loop_(loop),
        connect_(std::move(connect)),
        log_(std::move(log)),
        resolver_(net::make_resolver(loop)),
        freed_(loop) {
    for (const auto& host : connect_.hosts) hosts_.push_back({host});
  }

  net::Task<Result<SqlRows>> query(const std::string& text, const Request& request) override;

 private:
  net::Task<Result<SqlRows>> query_once(const std::string& text, const Request& request,
                                        bool& lost);
  net::Task<Result<MysqlConnection>> take();
  net::Task<Result<MysqlConnection>> open(MysqlHost& host);
  net::Task<Result<SqlRows>> run(MysqlConnection& connection, std::string sql);
  void set_options(MYSQL* mysql) const;
  void give_back(MysqlConnection connection);

  net::Loop& loop_;
  SqlConnect connect_;
  Logger log_;
  std::shared_ptr<net::Resolver> resolver_;
  std::vector<MysqlHost> hosts_;
  std::vector<MysqlConnection> idle_;
  size_t open_count_ = 0;  // idle and in use
  net::Event freed_;
};

void MysqlDb::set_options(MYSQL* mysql) const {
  mysql_options(mysql, MYSQL_OPT_NONBLOCK, nullptr);
  mysql_options(mysql, MYSQL_OPT_CONNECT_TIMEOUT, &connect_.connect_timeout);
  mysql_options(mysql, MYSQL_OPT_READ_TIMEOUT, &connect_.read_timeout);
  mysql_options(mysql, MYSQL_OPT_WRITE_TIMEOUT, &connect_.write_timeout);
  if (!connect_.option_file.empty()) {
    mysql_options(mysql, MYSQL_READ_DEFAULT_FILE, connect_.option_file.c_str());
    mysql_options(mysql, MYSQL_READ_DEFAULT_GROUP, connect_.option_group.c_str());
  }
  auto text = [](const std::string& value) { return value.empty() ? nullptr : value.c_str(); };
  if (!connect_.ssl_ca.empty() || !connect_.ssl_ca_path.empty()) {
    mysql_ssl_set(mysql, text(connect_.ssl_key), text(connect_.ssl_cert), text(connect_.ssl_ca),
                  text(connect_.ssl_ca_path), text(connect_.ssl_cipher));
    const my_bool verify = connect_.ssl_verify_server_cert;
    mysql_options(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
  }
}

net::Task<Result<MysqlConnection>> MysqlDb::open(MysqlHost& host) {
  MysqlConnection connection;
  connection.mysql.reset(mysql_init(nullptr));
  connection.host = host.name;
  MYSQL* mysql = connection.mysql.get();
  if (!mysql) co_return temporary("out of memory");
  set_options(mysql);
  const bool path = host.name.starts_with('/');
  std::string address = host.name;
  // The library would resolve the name itself, and block; "localhost" means its own Unix socket to it.
  if (!path && address != "localhost" && !SockAddr::ip(address, 0)) {
    auto found = co_await resolver_->host_addresses(address, true, true);
    if (found.status != net::DnsStatus::ok) {
      co_return temporary(format("Unknown server host '{}'", address));
    }
    address = found.records.front().host();
  }
  MYSQL* done = nullptr;
  int status = mysql_real_connect_start(&done, mysql, path ? nullptr : address.c_str(),
                                        connect_.user.c_str(), connect_.password.reveal().data(),
                                        connect_.dbname.c_str(), connect_.port,
                                        path ? host.name.c_str() : nullptr, connect_.client_flags);
  while (status != 0) {
    const int come = co_await wait_for_mysql(loop_, mysql, status);
    status = mysql_real_connect_cont(&done, mysql, come);
  }
  if (!done) co_return temporary(mysql_error(mysql));
  co_return std::move(connection);
}

net::Task<Result<MysqlConnection>> MysqlDb::take() {
  while (idle_.empty() && open_count_ >= kMaxConnections) co_await freed_.wait();
  if (!idle_.empty()) {
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    co_return std::move(connection);
  }
  ++open_count_;
  for (auto& host : hosts_) {
    if (base::monotonic_now() < host.retry_at) continue;
    auto opened = co_await open(host);
    if (opened) co_return std::move(*opened);
    if (base::monotonic_now() >= host.retry_at) {  // others that failed meanwhile have said it
      log_.error(
          "mysql({}): Connect failed to database ({}): {} - waiting for 1 seconds before retry",
          host.name, connect_.dbname, base::printable(opened.error().text, true));
    }
    host.retry_at = base::monotonic_now() + kRetryAfter;
  }
  --open_count_;
  freed_.set();
  co_return temporary("Not connected to database");
}

void MysqlDb::give_back(MysqlConnection connection) {
  connection.used_before = true;
  idle_.push_back(std::move(connection));
  freed_.set();
}

net::Task<Result<SqlRows>> MysqlDb::run(MysqlConnection& connection, std::string sql) {
  MYSQL* mysql = connection.mysql.get();
  int failed = 0;
  int status = mysql_real_query_start(&failed, mysql, sql.data(), sql.size());
  while (status != 0) {
    const int come = co_await wait_for_mysql(loop_, mysql, status);
    status = mysql_real_query_cont(&failed, mysql, come);
  }
  base::wipe(sql);  // %w may be in it
  if (failed) co_return temporary(mysql_error(mysql));
  MYSQL_RES* raw = nullptr;
  status = mysql_store_result_start(&raw, mysql);
  while (status != 0) {
    const int come = co_await wait_for_mysql(loop_, mysql, status);
    status = mysql_store_result_cont(&raw, mysql, come);
  }
  if (!raw)
    co_return temporary(mysql_errno(mysql) ? mysql_error(mysql) : "statement gives no rows");
  std::unique_ptr<MYSQL_RES, decltype(&mysql_free_result)> result(raw, mysql_free_result);
  SqlRows rows;
  const unsigned columns = mysql_num_fields(raw);
  for (unsigned i = 0; i < columns; ++i)
    rows.columns.emplace_back(mysql_fetch_field_direct(raw, i)->name);
  while (MYSQL_ROW values = mysql_fetch_row(raw)) {  // all here already
    const unsigned long* sizes = mysql_fetch_lengths(raw);
    auto& row = rows.rows.emplace_back();
    for (unsigned i = 0; i < columns; ++i) {
      row.push_back(values[i] ? std::optional<std::string>(std::in_place, values[i], sizes[i])
                              : std::nullopt);
    }
  }
  co_return rows;
}

net::Task<Result<SqlRows>> MysqlDb::query_once(const std::string& text, const Request& request,
                                               bool& lost) {
  lost = false;
  auto taken = co_await take();
  if (!taken) co_return taken.error();
  MysqlConnection connection = std::move(*taken);
  auto quote = [mysql = connection.mysql.get()](std::string_view value) {
    std::string quoted(value.size() * 2 + 1, '\0');
    quoted.resize(mysql_real_escape_string(mysql, quoted.data(), value.data(), value.size()));
    return quoted;
  };
  auto variables = request_variables(request, text, quote);
  auto expanded = conf::dovecot::expand_variables(text, variables);
  if (!expanded.error.empty()) {
    give_back(std::move(connection));
    co_return temporary(expanded.error);
  }
  auto rows = co_await run(connection, std::move(expanded.text));
  const unsigned code = mysql_errno(connection.mysql.get());
  const bool gone = code == CR_SERVER_GONE_ERROR || code == CR_SERVER_LOST;
  lost = !rows && gone && connection.used_before;
  if (rows || !gone) {
    give_back(std::move(connection));
  } else {
    --open_count_;
    freed_.set();
  }
  co_return rows;
}

net::Task<Result<SqlRows>> MysqlDb::query(const std::string& text, const Request& request) {
  auto self = shared_from_this();
  bool lost = false;
  auto rows = co_await query_once(text, request, lost);
  // A connection that the server closed while it was idle says nothing about the database: all idle ones are like it.
  while (!rows && lost) {
    open_count_ -= idle_.size();
    idle_.clear();
    rows = co_await query_once(text, request, lost);
  }
  if (rows || rows.error().text == "Not connected to database") co_return rows;
  log_.warning("sqlpool(mysql): Query failed, retrying: {}",
               base::printable(rows.error().text, true));
  rows = co_await query_once(text, request, lost);
  co_return rows;
}

}  // namespace

std::shared_ptr<SqlDb> open_mysql(net::Loop& loop, SqlConnect connect, Logger log) {
  return std::make_shared<MysqlDb>(loop, std::move(connect), std::move(log));
}

}  // namespace dovetail::authd
