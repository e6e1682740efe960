// mysql:FILE, tables in a MySQL or MariaDB database. Manual: mysql_table(5).
// SPDX-License-Identifier: Apache-2.0
#include <mysql.h>

#include "lookup/sql/mysql_connection.h"
#include "lookup/sql/server_table.h"
#include "lookup/types.h"

// Declared in a header of the library that not every package of it completes (mysql/client_plugin.h).
extern "C" struct st_mysql_client_plugin* mysql_load_plugin(MYSQL* mysql, const char* name,
                                                            int type, int argc, ...);

namespace dovetail::lookup {
namespace {

constexpr int kAuthenticationPlugin = 2;

Result<MysqlSettings> read_mysql_settings(const conf::TableCf& cf) {
  MysqlSettings settings;
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
  return settings;
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
  auto servers = read_sql_servers(context, *cf, "localhost");
  if (!servers) return servers.error();
  auto settings = read_mysql_settings(*cf);
  if (!settings) return settings.error();
  auto query = SqlQuery::read(context, *cf);
  if (!query) return query.error();
  prepare_mysql_library();
  auto table = format("{}:{}", type, name);
  // With a certificate to verify the library needs the server's name.
  servers->resolve = !settings->tls_verify_cert;
  auto shared = std::make_shared<const MysqlSettings>(std::move(*settings));
  servers->connection = [&loop = context.loop, shared]() -> std::unique_ptr<SqlConnection> {
    return std::make_unique<MysqlConnection>(loop, shared);
  };
  servers->connecting = [](std::string_view host) {
    return format("connect to mysql server {}", host);
  };
  servers->querying = [table](std::string_view) { return table + ": query failed"; };
  return std::unique_ptr<Table>(
      std::make_unique<SqlServerTable>(context.loop, table, "dict_mysql_lookup", std::move(*query),
                                       std::move(*servers), context.options));
}

}  // namespace dovetail::lookup
