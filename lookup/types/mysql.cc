// mysql:FILE, tables in a MySQL or MariaDB database. Manual: mysql_table(5).
// SPDX-License-Identifier: Apache-2.0
#include <mysql.h>

#include "common/base/text.h"
#include "conf/units.h"
#include "lookup/sql/mysql_servers.h"
#include "lookup/sql/query.h"
#include "lookup/types.h"

// Declared in a header of the library that not every package of it completes (mysql/client_plugin.h).
extern "C" struct st_mysql_client_plugin* mysql_load_plugin(MYSQL* mysql, const char* name,
                                                            int type, int argc, ...);

namespace dovetail::lookup {
namespace {

constexpr int kAuthenticationPlugin = 2;

class MysqlTable final : public Table {
 public:
  MysqlTable(net::Loop& loop, std::string table, SqlQuery query, MysqlServers::Options servers,
             const OpenOptions& options)
      : Table(std::move(table), Keys::fixed),
        query_(std::move(query)),
        servers_(loop, name(), std::move(servers), options.resolver, options.log),
        log_(options.log) {}

  Task<Result<Found>> lookup(std::string_view key) override {
    auto wanted = co_await query_.wants(key);
    if (!wanted) co_return wanted.error();
    if (!*wanted) co_return Found();
    if (!query_.query.expand(key, nullptr, {}))
      co_return Found();  // the key lacks a part the query needs
    MysqlServers::MakeQuery make_query = [this, key](const MysqlConnection& connection) {
      Quote quote = [&connection](std::string_view text) { return connection.escape(text); };
      return *query_.query.expand(key, nullptr, quote);
    };
    auto values = co_await servers_.run(make_query);
    if (!values) co_return values.error();
    SqlResult result(query_, name(), key, log_);
    for (auto& value : *values) {
      if (!value || result.add(*value)) continue;
      log_.warning("dict_mysql_lookup: {}: Expansion limit exceeded for key: '{}'", query_.owner,
                   base::printable(key, true));
      co_return temporary("Resource temporarily unavailable");
    }
    co_return std::move(result).found();
  }

 private:
  SqlQuery query_;
  MysqlServers servers_;
  Logger log_;
};

Result<MysqlServers::Options> read_mysql_options(const OpenContext& context,
                                                 const conf::TableCf& cf) {
  MysqlServers::Options options;
  options.hosts = conf::split_list(cf.get("hosts", "localhost"));
  if (options.hosts.empty()) options.hosts.emplace_back("localhost");
  options.connections = std::max(1u, context.options.connections);
  auto& settings = options.settings;
  settings.user = cf.get("user");
  settings.password = Secret(cf.get("password"));
  auto dbname = required(cf, "dbname");
  if (!dbname) return dbname.error();
  settings.dbname = *dbname;
  settings.charset = cf.get("charset", "utf8mb4");
  settings.option_file = cf.get("option_file");
  settings.option_group = cf.get("option_group", "client");
  settings.tls_cert_file = cf.get("tls_cert_file");
  settings.tls_key_file = cf.get("tls_key_file");
  settings.tls_ca_file = cf.get("tls_CAfile");
  settings.tls_ca_path = cf.get("tls_CApath");
  settings.tls_ciphers = cf.get("tls_ciphers");
  auto verify = cf.get_bool("tls_verify_cert", false);
  if (!verify) return config_error(verify.error().text);
  settings.tls_verify_cert = *verify;
  auto require = cf.get_bool("require_result_set", true);
  if (!require) return config_error(require.error().text);
  settings.require_result_set = *require;
  auto idle = cf.get_int("idle_interval", 60, 1, 1000000);
  if (!idle) return config_error(idle.error().text);
  options.idle_interval = base::Seconds(*idle);
  auto retry = cf.get_int("retry_interval", 60, 1, 1000000);
  if (!retry) return config_error(retry.error().text);
  options.retry_interval = base::Seconds(*retry);
  return options;
}

// What the library would load at the first connection, when a confined process can no longer open it: the plug-in that
// MySQL 8 servers ask for. Where it does not exist or is built in, nothing is lost.
void prepare_mysql_library() {
  static const bool prepared = [] {
    MYSQL* handle = mysql_init(nullptr);
    if (!handle) return false;
    mysql_load_plugin(handle, "caching_sha2_password", kAuthenticationPlugin, 0);
    mysql_close(handle);
    return true;
  }();
  (void)prepared;
}

}  // namespace

Opened open_mysql(const OpenContext& context, std::string_view type, const std::string& name) {
  auto cf = open_table_cf(context, type, name);
  if (!cf) return cf.error();
  auto options = read_mysql_options(context, *cf);
  if (!options) return options.error();
  auto query = SqlQuery::read(context, *cf);
  if (!query) return query.error();
  prepare_mysql_library();
  return std::unique_ptr<Table>(
      std::make_unique<MysqlTable>(context.loop, format("{}:{}", type, name), std::move(*query),
                                   std::move(*options), context.options));
}

}  // namespace dovetail::lookup
