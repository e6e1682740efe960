// SPDX-License-Identifier: Apache-2.0
#include "mta/tools/postconf/table_parameters.h"

namespace dovetail::mta::postconf {
namespace {

// clang-format off
constexpr std::string_view kMysql[] = {
    "domain", "result_format", "expansion_limit", "hosts", "user", "password", "dbname", "query", "table", "select_field",
    "where_field", "additional_conditions", "option_file", "option_group", "tls_cert_file", "tls_key_file", "tls_CAfile",
    "tls_CApath", "tls_ciphers", "tls_verify_cert", "require_result_set", "idle_interval", "retry_interval", "charset",
};
constexpr std::string_view kPgsql[] = {
    "domain", "result_format", "expansion_limit", "hosts", "user", "password", "dbname", "query", "select_function", "table",
    "select_field", "where_field", "additional_conditions", "encoding", "idle_interval", "retry_interval",
};
constexpr std::string_view kSqlite[] = {
    "domain", "result_format", "expansion_limit", "dbpath", "query", "table", "select_field", "where_field",
    "additional_conditions",
};
constexpr std::string_view kLdap[] = {
    "domain", "server_host", "server_port", "search_base", "query_filter", "result_filter", "result_format",
    "result_attribute", "special_result_attribute", "leaf_result_attribute", "terminal_result_attribute", "scope", "bind",
    "bind_dn", "bind_pw", "sasl_mechs", "sasl_realm", "sasl_authz_id", "sasl_minssf", "timeout", "dereference",
    "recursion_limit", "expansion_limit", "size_limit", "chase_referrals", "version", "debuglevel", "start_tls",
    "tls_ca_cert_file", "tls_ca_cert_dir", "tls_cert", "tls_key", "tls_require_cert", "tls_random_file", "tls_cipher_suite",
};
constexpr std::string_view kMemcache[] = {
    "domain", "memcache", "backup", "flags", "ttl", "key_format", "line_size_limit", "data_size_limit", "max_try",
    "retry_pause", "timeout",
};

struct TableType {
  std::string_view type;
  std::span<const std::string_view> parameters;
};
constexpr TableType kTableTypes[] = {
    {"mysql", kMysql}, {"pgsql", kPgsql}, {"sqlite", kSqlite}, {"ldap", kLdap}, {"memcache", kMemcache},
};
// clang-format on

}  // namespace

std::optional<std::span<const std::string_view>> table_type_parameters(std::string_view type) {
  for (const TableType& row : kTableTypes) {
    if (row.type == type) return row.parameters;
  }
  return std::nullopt;
}

}  // namespace dovetail::mta::postconf
