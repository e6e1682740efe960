// SPDX-License-Identifier: Apache-2.0
#include "lookup/sql/server_table.h"

#include "common/base/text.h"

namespace dovetail::lookup {

SqlServerTable::SqlServerTable(net::Loop& loop, std::string table, std::string_view expanding,
                               SqlQuery query, SqlServers::Options servers,
                               const OpenOptions& options)
    : Table(std::move(table), Keys::fixed),
      expanding_(expanding),
      query_(std::move(query)),
      servers_(loop, name(), std::move(servers), options.resolver, options.log),
      log_(options.log) {}

Task<Result<Found>> SqlServerTable::lookup(std::string_view key) {
  auto wanted = co_await query_.wants(key);
  if (!wanted) co_return wanted.error();
  if (!*wanted) co_return Found();
  // The key lacks a part the query needs.
  if (!query_.query.expand(key, nullptr, {})) co_return Found();
  SqlServers::MakeQuery make_query =
      [this, key](const SqlConnection& connection) -> std::optional<std::string> {
    bool is_text = true;
    Quote quote = [&](std::string_view text) {
      auto escaped = connection.escape(text);
      is_text = is_text && escaped;
      return escaped.value_or("");
    };
    auto text = query_.query.expand(key, nullptr, quote);
    return is_text ? text : std::nullopt;
  };
  auto values = co_await servers_.run(make_query);
  if (!values) co_return values.error();
  SqlResult result(query_, name(), key, log_);
  for (auto& value : *values) {
    if (!value || result.add(*value)) continue;
    log_.warning("{}: {}: Expansion limit exceeded for key: '{}'", expanding_, query_.owner,
                 base::printable(key, true));
    co_return temporary("Resource temporarily unavailable");
  }
  co_return std::move(result).found();
}

}  // namespace dovetail::lookup
