// The parameters that table types with a configuration of their own understand, for postconf's check of unused names.
// Manuals: mysql_table(5), pgsql_table(5), sqlite_table(5), ldap_table(5), memcache_table(5).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace dovetail::mta::postconf {

// nullopt for types without such a configuration.
std::optional<std::span<const std::string_view>> table_type_parameters(std::string_view type);

}  // namespace dovetail::mta::postconf
