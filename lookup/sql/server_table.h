// A table in a database server, mysql: or pgsql: - the part that does not depend on which.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "lookup/sql/query.h"
#include "lookup/sql/servers.h"

namespace dovetail::lookup {

class SqlServerTable final : public Table {
 public:
  // expanding: the incumbent's function that a warning about expansion_limit names.
  SqlServerTable(net::Loop& loop, std::string table, std::string_view expanding, SqlQuery query,
                 SqlServers::Options servers, const OpenOptions& options);
  Task<Result<Found>> lookup(std::string_view key) override;

 private:
  std::string_view expanding_;
  SqlQuery query_;
  SqlServers servers_;
  Logger log_;
};

}  // namespace dovetail::lookup
