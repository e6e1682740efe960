// pgsql:FILE, tables in a PostgreSQL database. Manual: pgsql_table(5).
// SPDX-License-Identifier: Apache-2.0
#include "lookup/sql/pgsql_connection.h"
#include "lookup/sql/server_table.h"
#include "lookup/types.h"

namespace dovetail::lookup {

Opened open_pgsql(const OpenContext& context, std::string_view type, const std::string& name) {
  auto cf = open_table_cf(context, type, name);
  if (!cf) return cf.error();
  auto servers = read_sql_servers(context, *cf, "localhost");
  if (!servers) return servers.error();
  PgsqlSettings settings;
  settings.user = cf->get("user");
  settings.password = Secret(cf->get("password"));
  auto dbname = required(*cf, "dbname");
  if (!dbname) return dbname.error();
  settings.dbname = *dbname;
  settings.encoding = cf->get("encoding", "UTF8");
  auto query = SqlQuery::read(context, *cf, true);
  if (!query) return query.error();
  auto shared = std::make_shared<const PgsqlSettings>(std::move(settings));
  servers->connection = [&loop = context.loop, shared]() -> std::unique_ptr<SqlConnection> {
    return std::make_unique<PgsqlConnection>(loop, shared);
  };
  servers->connecting = [](std::string_view host) {
    return format("connect to pgsql server {}", host);
  };
  servers->querying = [](std::string_view host) {
    return format("pgsql query failed: fatal error from host {}", host);
  };
  return std::unique_ptr<Table>(std::make_unique<SqlServerTable>(
      context.loop, format("{}:{}", type, name), "dict_pgsql_lookup", std::move(*query),
      std::move(*servers), context.options));
}

}  // namespace dovetail::lookup
