// The file of an ldap: table: its servers, how to bind, what to search and which attributes mean what. Manual: ldap_table(5).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/secret.h"
#include "lookup/sql/query.h"

namespace dovetail::lookup {

struct LdapSettings {
  std::string name;  // the file
  std::string urls;  // one or more, with blanks between
  int timeout = 10, version = 3, scope = 2, dereference = 0, size_limit = 0, recursion_limit = 1000;
  int debuglevel = 0;
  bool chase_referrals = false;
  enum class Bind { none, simple, external };
  Bind bind = Bind::simple;
  std::string bind_dn, sasl_authz_id;
  Secret bind_pw;
  bool start_tls = false, tls_require_cert = false;
  std::string tls_ca_cert_dir, tls_ca_cert_file, tls_cert, tls_key, tls_random_file,
      tls_cipher_suite;
  // Attributes whose values are results; point to other entries; end the search; count in entries without special ones.
  std::vector<std::string> result, special, terminal, leaf;

  SqlQuery query;  // query_filter, result_format, domain, expansion_limit
  SqlTemplate search_base;
  bool dynamic_base = false;  // a base made from the key need not exist

  static Result<LdapSettings> read(const OpenContext& context, const conf::TableCf& cf);
};

// A key as part of a filter (RFC 4515 3) and of a distinguished name (RFC 4514 2.4).
std::string quote_for_filter(std::string_view text);
std::string quote_for_dn(std::string_view text);

}  // namespace dovetail::lookup
