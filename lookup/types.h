// What the table types share with the registry: how each is opened, and the base of those that answer from memory.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "conf/postfix/main_cf.h"
#include "lookup/registry.h"
#include "lookup/table.h"

namespace dovetail::lookup {

struct OpenContext {
  net::Loop& loop;
  const conf::MainCf& main_cf;
  const OpenOptions& options;
};

using Opened = Result<std::unique_ptr<Table>>;
using OpenType = Opened (*)(const OpenContext& context, std::string_view type,
                            const std::string& name);

// clang-format off
Opened open_static(const OpenContext& context, std::string_view type, const std::string& name);
Opened open_fail(const OpenContext& context, std::string_view type, const std::string& name);
Opened open_internal(const OpenContext& context, std::string_view type, const std::string& name);
Opened open_environ(const OpenContext& context, std::string_view type, const std::string& name);
Opened open_inline(const OpenContext& context, std::string_view type, const std::string& name);
Opened open_texthash(const OpenContext& context, std::string_view type, const std::string& name);
Opened open_unix(const OpenContext& context, std::string_view type, const std::string& name);
Opened open_pipemap(const OpenContext& context, std::string_view type, const std::string& name);
Opened open_unionmap(const OpenContext& context, std::string_view type, const std::string& name);
Opened open_randmap(const OpenContext& context, std::string_view type, const std::string& name);
Opened open_cidr(const OpenContext& context, std::string_view type, const std::string& name);
Opened open_regexp(const OpenContext& context, std::string_view type, const std::string& name);
Opened open_nis(const OpenContext& context, std::string_view type, const std::string& name);
Opened open_pcre(const OpenContext& context, std::string_view type, const std::string& name);
Opened open_hash(const OpenContext& context, std::string_view type, const std::string& name);
Opened open_btree(const OpenContext& context, std::string_view type, const std::string& name);
Opened open_cdb(const OpenContext& context, std::string_view type, const std::string& name);
Opened open_ldap(const OpenContext& context, std::string_view type, const std::string& name);
Opened open_lmdb(const OpenContext& context, std::string_view type, const std::string& name);
Opened open_sqlite(const OpenContext& context, std::string_view type, const std::string& name);
Opened open_mysql(const OpenContext& context, std::string_view type, const std::string& name);
Opened open_memcache(const OpenContext& context, std::string_view type, const std::string& name);
Opened open_socketmap(const OpenContext& context, std::string_view type, const std::string& name);
Opened open_tcp(const OpenContext& context, std::string_view type, const std::string& name);
Opened open_pgsql(const OpenContext& context, std::string_view type, const std::string& name);
Opened open_proxy(const OpenContext& context, std::string_view type, const std::string& name);
// clang-format on

// Key in the form fixed tables store it: lower case, for UTF-8 by Unicode case folding.
std::string fold_key(std::string_view key, bool utf8);

// Puts folding and the UTF-8 check around a table, as the options ask.
std::unique_ptr<Table> with_folding(std::unique_ptr<Table> table, const OpenOptions& options);
// Answers "temporary" to every key; reason is what was wrong with the table.
std::unique_ptr<Table> unavailable_table(std::string name, const std::string& reason,
                                         const OpenOptions& options);

// "{a, b c}" -> elements between the outer braces; the Error is the incumbent's "bad syntax" for type:name.
Result<std::vector<std::string>> braced_elements(std::string_view type, const std::string& name,
                                                 std::string_view need);

// With values_are_files: the contents of the named files, else the value itself.
Result<std::string> file_value(std::string_view value, const OpenOptions& options);

}  // namespace dovetail::lookup
