// % variables of Dovecot 2.3: %u, %{user}, %2.1Lu, %{md5:user}, %{if;a;eq;b;yes;no}, %{env:NAME}
// ... The caller says which variables exist where he stands; a name that is not in his table
// becomes UNSUPPORTED_VARIABLE_name and is reported in `error`. Nothing is looked up by itself
// except env, system, process.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dovetail::conf::dovecot {

// One variable: %k or %{name}; either may be missing (0, "").
struct Variable {
  char key = 0;
  std::string name;
  std::string value;
};

struct Variables {
  std::vector<Variable> table;
  // %{prefix:rest}: passdb:, userdb:, dict:, ldap: where the caller has them. nullopt: unknown
  // prefix.
  std::function<std::optional<std::string>(std::string_view prefix, std::string_view rest)>
      by_prefix;
};

struct Expanded {
  std::string text;
  std::string error;  // first problem, empty if all went well: "Unknown variable '%z'"
};

Expanded expand_variables(std::string_view format, const Variables& variables);

// True if the text asks for this variable (by key or name), with whatever modifiers.
bool uses_variable(std::string_view format, char key, std::string_view name);

// The usual ones of mail settings and auth: u n d s h l r p and their long names, from a user and
// its connection.
Variables user_variables(std::string_view user, std::string_view service,
                         std::string_view home = {}, std::string_view local_ip = {},
                         std::string_view remote_ip = {});

}  // namespace dovetail::conf::dovecot
