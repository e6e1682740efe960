// SPDX-License-Identifier: Apache-2.0
#include "lookup/registry.h"

#include <algorithm>

#include "common/base/file.h"
#include "common/base/text.h"
#include "conf/units.h"
#include "lookup/types.h"

namespace dovetail::lookup {
namespace {

struct TypeRow {
  std::string_view name;
  OpenType open;
};

// clang-format off
constexpr TypeRow kTypes[] = {
    {"btree",    open_btree},
    {"cdb",      open_cdb},
    {"cidr",     open_cidr},
    {"environ",  open_environ},
    {"fail",     open_fail},
    {"hash",     open_hash},
    {"inline",   open_inline},
    {"internal", open_internal},
#ifdef DOVETAIL_HAVE_LMDB
    {"lmdb",     open_lmdb},
#endif
#ifdef DOVETAIL_HAVE_MYSQL
    {"mysql",    open_mysql},
#endif
#ifdef DOVETAIL_HAVE_PCRE
    {"pcre",     open_pcre},
#endif
    {"pipemap",  open_pipemap},
    {"proxy",    open_proxy},
    {"randmap",  open_randmap},
    {"regexp",   open_regexp},
#ifdef DOVETAIL_HAVE_SQLITE
    {"sqlite",   open_sqlite},
#endif
    {"static",   open_static},
    {"texthash", open_texthash},
    {"unionmap", open_unionmap},
    {"unix",     open_unix},
};
// clang-format on

}  // namespace

Result<std::unique_ptr<Table>> open_table(net::Loop& loop, const conf::MainCf& main_cf,
                                          std::string_view type_name, const OpenOptions& options) {
  auto [type, name] = base::cut(type_name, ':');
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
  auto opened = row->open(OpenContext{loop, main_cf, options}, type, std::string(*name));
  if (!opened && options.surrogate)
    return unavailable_table(std::string(type_name), opened.error().text, options);
  if (!opened) return opened.error();
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
  if (!inner) return bad(base::cut(inner.error().text, '"').first);
  auto elements = conf::split_list(*inner);
  if (elements.empty()) return bad("bad syntax");
  return elements;
}

Result<std::string> file_value(std::string_view value, const OpenOptions& options) {
  if (!options.values_are_files) return std::string(value);
  std::string all;
  for (auto& path : conf::split_list(value)) {
    auto text = base::read_file(path);
    if (!text) return config_error(text.error().text);
    all += *text;
  }
  return all;
}

}  // namespace dovetail::lookup
