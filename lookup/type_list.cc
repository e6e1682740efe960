// SPDX-License-Identifier: Apache-2.0
#include "lookup/type_list.h"

namespace dovetail::lookup {

namespace {

// clang-format off
constexpr std::string_view kListedTypes[] = {
    "btree", "cdb", "cidr", "environ", "fail", "hash", "inline", "internal",
#ifdef DOVETAIL_HAVE_LDAP
    "ldap",
#endif
#ifdef DOVETAIL_HAVE_LMDB
    "lmdb",
#endif
    "memcache",
#ifdef DOVETAIL_HAVE_MYSQL
    "mysql",
#endif
    "nis",
#ifdef DOVETAIL_HAVE_PCRE
    "pcre",
#endif
#ifdef DOVETAIL_HAVE_PGSQL
    "pgsql",
#endif
    "pipemap", "proxy", "randmap", "regexp", "socketmap",
#ifdef DOVETAIL_HAVE_SQLITE
    "sqlite",
#endif
    "static", "tcp", "texthash", "unionmap", "unix",
};
// clang-format on

}  // namespace

std::span<const std::string_view> listed_types() {
  return kListedTypes;
}

}  // namespace dovetail::lookup
