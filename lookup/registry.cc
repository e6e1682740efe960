// SPDX-License-Identifier: Apache-2.0
#include "lookup/registry.h"

#include <algorithm>
#include <utility>

#include "common/base/file.h"
#include "common/base/text.h"
#include "conf/units.h"
#include "lookup/types.h"

namespace dovetail::lookup {
namespace {

// The file behind a table: none, NAME + suffix of which a new file counts as change, or NAME of which an edit does.
enum class Source { none, data, text };

struct TypeRow {
  std::string_view name;
  OpenType open;
  Source source = Source::none;
  std::string_view suffix = {};
};

// clang-format off
constexpr TypeRow kTypes[] = {
    {"btree",    open_btree, Source::data, ".db"},
    {"cdb",      open_cdb, Source::data, ".cdb"},
    {"cidr",     open_cidr, Source::text},
    {"environ",  open_environ},
    {"fail",     open_fail},
    {"hash",     open_hash, Source::data, ".db"},
    {"inline",   open_inline},
    {"internal", open_internal},
#ifdef DOVETAIL_HAVE_LDAP
    {"ldap",     open_ldap, Source::text},
#endif
#ifdef DOVETAIL_HAVE_LMDB
    {"lmdb",     open_lmdb, Source::data, ".lmdb"},
#endif
    {"memcache", open_memcache, Source::text},
#ifdef DOVETAIL_HAVE_MYSQL
    {"mysql",    open_mysql, Source::text},
#endif
    {"nis",      open_nis},
#ifdef DOVETAIL_HAVE_PCRE
    {"pcre",     open_pcre, Source::text},
#endif
#ifdef DOVETAIL_HAVE_PGSQL
    {"pgsql",    open_pgsql, Source::text},
#endif
    {"pipemap",  open_pipemap},
    {"proxy",    open_proxy},
    {"randmap",  open_randmap},
    {"regexp",   open_regexp, Source::text},
    {"socketmap", open_socketmap},
#ifdef DOVETAIL_HAVE_SQLITE
    {"sqlite",   open_sqlite, Source::text},
#endif
    {"static",   open_static},
    {"tcp",      open_tcp},
    {"texthash", open_texthash, Source::text},
    {"unionmap", open_unionmap},
    {"unix",     open_unix},
};
// clang-format on

// Taken before the table is read, so that no edit in between is missed.
std::optional<FileStamp> stamp_source(const TypeRow& row, std::string_view name) {
  if (row.source == Source::none || name.find('/') == std::string_view::npos || name.front() == '{')
    return std::nullopt;
  auto watched =
      row.source == Source::data ? FileStamp::Watched::name : FileStamp::Watched::content;
  return FileStamp::of(std::string(name) + std::string(row.suffix), watched);
}

}  // namespace

Result<std::unique_ptr<Table>> open_table(net::Loop& loop, const conf::MainCf& main_cf,
                                          std::string_view type_name, const OpenOptions& options) {
  auto parts = base::cut(type_name, ':');
  auto type = parts.first;  // a name of its own: clang 14 captures no structured binding
  auto& name = parts.second;
  if (!name || type.empty() || name->empty()) {
    return config_error(
        format("open dictionary: expecting \"type:name\" form instead of \"{}\"", type_name));
  }
  auto row = std::find_if(std::begin(kTypes), std::end(kTypes),
                          [&](const TypeRow& r) { return r.name == type; });
  if (row == std::end(kTypes)) {
    auto error = config_error(format("unsupported dictionary type: {}", type));
    if (options.surrogate) return unavailable_table(std::string(type_name), error.text, options);
    return error;
  }
  auto stamp = stamp_source(*row, *name);
  auto opened = row->open(OpenContext{loop, main_cf, options}, type, std::string(*name));
  if (!opened && options.surrogate)
    return unavailable_table(std::string(type_name), opened.error().text, options);
  if (!opened) return opened.error();
  if (stamp) (*opened)->watch(std::move(*stamp));
  return with_folding(std::move(*opened), options);
}

std::vector<std::string> type_names() {
  std::vector<std::string> names;
  for (auto& row : kTypes) names.emplace_back(row.name);
  return names;
}

Result<std::vector<std::string>> braced_elements(std::string_view type, const std::string& name,
                                                 std::string_view need) {
  auto bad = [&](std::string_view what) {
    return config_error(format("{}: \"{}:{}\"; need \"{}:{{{}}}\"", what, type, name, type, need));
  };
  if (name.empty() || name.front() != '{') return bad("bad syntax");
  auto inner = conf::unbrace(name);
  if (!inner) return bad("bad syntax");
  auto elements = conf::split_list(*inner);
  if (elements.empty()) return bad("bad syntax");
  return elements;
}

Result<std::string> file_value(std::string_view value, const OpenOptions& options) {
  if (!options.values_are_files) return std::string(value);
  std::string all;
  bool first = true;
  for (auto& path : conf::split_list(value)) {
    auto text = base::read_file(path);
    if (!text) return config_error(text.error().text);
    if (!std::exchange(first, false)) all += '\n';
    all += *text;
  }
  return all;
}

}  // namespace dovetail::lookup
