// Finds the tables in the configuration, opens and lists them.
// SPDX-License-Identifier: Apache-2.0
#include "check/tables.h"

#include <algorithm>

#include "check/sql/databases.h"
#include "check/sql/listing_query.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/text.h"
#include "conf/postfix/parameters.h"
#include "conf/postfix/table_cf.h"
#include "lookup/registry.h"
#include "lookup/source.h"

namespace dovetail::check {

namespace {

// clang-format off
constexpr FileType file_types[] = {
    {"hash", ".db"}, {"btree", ".db"}, {"lmdb", ".lmdb"}, {"cdb", ".cdb"}, {"dbm", ".pag"}, {"sdbm", ".pag"}, {"texthash", ""},
};
constexpr std::string_view map_types[] = {
    "btree", "cdb", "cidr", "dbm", "environ", "fail", "hash", "inline", "internal", "ldap", "lmdb", "memcache", "mysql", "netinfo",
    "nis", "nisplus", "pcre", "pgsql", "pipemap", "proxy", "randmap", "regexp", "sdbm", "socketmap", "sqlite", "static", "tcp",
    "texthash", "unionmap", "unix"};
// Never maps, although they look so: the ends of sockets.
constexpr std::string_view socket_types[] = {"unix", "tcp", "inet"};
// Lists whose words are tables; elsewhere "unix:" and "tcp:" mean sockets.
constexpr conf::Kind kinds_with_tables[] = {conf::Kind::maps, conf::Kind::match_list, conf::Kind::restriction_list};
// Made by Postfix itself while it runs.
constexpr std::string_view caches[] = {"address_verify_map", "postscreen_cache_map", "smtp_tls_session_cache_database",
    "lmtp_tls_session_cache_database", "smtpd_tls_session_cache_database", "proxy_read_maps", "proxy_write_maps"};
// clang-format on

constexpr std::string_view unasked_types[] = {"ldap",    "memcache",  "nis", "nisplus",
                                              "netinfo", "socketmap", "tcp"};
constexpr std::string_view combined_types[] = {"pipemap", "randmap", "unionmap"};

template <class List, class Word>
bool listed(const List& list, const Word& word) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

std::optional<TableRef> table_of(std::string_view word) {
  TableRef ref;
  if (word.starts_with('!')) word.remove_prefix(1);
  if (word.starts_with("proxy:")) {
    ref.proxied = true;
    word.remove_prefix(6);
  }
  auto [type, name] = base::cut(word, ':');
  if (!name || name->empty() || type.empty()) return std::nullopt;
  auto is_word = [](char c) { return base::is_alnum(c) || c == '_' || c == '-'; };
  if (!std::all_of(type.begin(), type.end(), is_word)) return std::nullopt;
  ref.type = type;
  ref.name = *name;
  return ref;
}

bool is_relevant(const conf::MainCf& cf, const conf::Parameter& row) {
  if (listed(caches, row.name)) return false;
  if (!listed(kinds_with_tables, row.kind)) return false;
  // The defaults name alias databases; a site without local mail has none.
  return cf.is_set(row.name) || row.name == "alias_maps";
}

}  // namespace

const FileType* find_file_type(std::string_view type) {
  for (auto& one : file_types) {
    if (one.type == type) return &one;
  }
  return nullptr;
}

bool is_unasked_type(std::string_view type) {
  return listed(unasked_types, type);
}

std::vector<TableRef> inner_tables(const TableRef& table) {
  if (!listed(combined_types, table.type)) return {};
  auto inner = base::trim(table.name);
  if (inner.size() < 2 || inner.front() != '{') return {};
  auto tables = Tables::named_in(inner.substr(1, inner.size() - 2));
  for (auto& one : tables) {
    one.parameter = table.parameter;
    one.place = table.place;
    one.proxied = one.proxied || table.proxied;
  }
  return tables;
}

bool is_map_type(std::string_view type) {
  return listed(map_types, type);
}

Tables::Tables(Site& site) : site_(site) {
  if (!site.has_postfix()) return;
  find_refs();
  for (auto& ref : refs_) site_.databases().expect(ref);
}

std::vector<TableRef> Tables::named_in(std::string_view value) {
  std::vector<TableRef> found;
  for (auto& word : list_words(value)) {
    if (auto ref = table_of(word)) found.push_back(std::move(*ref));
  }
  return found;
}

void Tables::find_in(const conf::MainCf& cf, std::string_view parameter, Place place) {
  auto value = Site::get(cf, parameter);
  const auto* row = conf::find_parameter(parameter);
  bool only_tables = row && row->kind == conf::Kind::maps;
  for (auto& ref : named_in(value)) {
    // In other lists "host:port", "2001:db8::1" and the like have colons too.
    if (!is_map_type(ref.type) && (!only_tables || ref.type.empty())) continue;
    if (!only_tables && listed(socket_types, ref.type)) continue;
    ref.parameter = parameter;
    ref.place = place;
    for (auto& inner : inner_tables(ref)) refs_.push_back(std::move(inner));
    refs_.push_back(std::move(ref));
  }
}

void Tables::find_refs() {
  auto& cf = site_.main_cf();
  for (auto& row : conf::parameters()) {
    if (is_relevant(cf, row)) find_in(cf, row.name, site_.at(row.name));
  }
  auto classes = site_.get("smtpd_restriction_classes");
  for (auto& name : list_words(classes)) find_in(cf, name, site_.at(name));
  for (auto& service : site_.services()) {
    auto own = cf.with(service.overrides);
    for (auto& override : service.overrides) {
      const auto* row = conf::find_parameter(override.name);
      if (row && is_relevant(own, *row))
        find_in(own, override.name, site_.at(service, override.name));
    }
  }
}

Tables::Opened& Tables::opened(const TableRef& table) {
  auto key = table.text();
  if (auto found = opened_.find(key); found != opened_.end()) return found->second;
  auto& made = opened_[key];
  auto parts = inner_tables(table);
  parts.push_back(table);
  for (auto& part : parts) {
    auto down = site_.databases().down(part);
    if (is_unasked_type(part.type)) down = format("{}: tables are not asked", part.type);
    if (!down) continue;
    made.why = *down;
    return made;
  }
  lookup::OpenOptions options{.log = Logger("check")};
  options.connections = 1;
  base::capture_log([&](Level level, std::string_view, std::string_view text) {
    if (level >= Level::warning) made.warnings.emplace_back(text);
  });
  auto opened = lookup::open_table(site_.loop(), site_.main_cf(), key, options);
  base::capture_log({});
  if (opened)
    made.table = std::move(*opened);
  else
    made.why = opened.error().text;
  return made;
}

lookup::Table* Tables::open(const TableRef& table) {
  return opened(table).table.get();
}
const std::string& Tables::why(const TableRef& table) {
  return opened(table).why;
}
const std::vector<std::string>& Tables::warnings(const TableRef& table) {
  return opened(table).warnings;
}

namespace {

Task<> ask_table(lookup::Table& table, std::string key, std::optional<Result<lookup::Found>>& out) {
  auto found = co_await table.lookup(key);
  out.emplace(std::move(found));
}

}  // namespace

Result<lookup::Found> Tables::ask(const TableRef& table, const std::string& key) {
  auto* opened = open(table);
  if (!opened) return temporary(why(table));
  if (auto now = opened->try_now(key)) return std::move(*now);
  std::optional<Result<lookup::Found>> found;
  base::capture_log([](Level, std::string_view, std::string_view) {});
  net::run_until_done(site_.loop(), ask_table(*opened, key, found));
  base::capture_log({});
  if (!found) return temporary("no answer");
  return std::move(*found);
}

Result<lookup::Found> Tables::ask_list(std::string_view value, const std::string& key) {
  for (auto& table : named_in(value)) {
    auto found = ask(table, key);
    if (!found || *found) return found;
  }
  return lookup::Found();
}

const Listing& Tables::list(const TableRef& table) {
  auto key = table.text();
  auto found = listings_.find(key);
  if (found == listings_.end()) found = listings_.emplace(key, make_listing(table)).first;
  return found->second;
}

Listing Tables::make_listing(const TableRef& table) {
  if (find_file_type(table.type)) return list_file(table);
  if (table.type == "mysql" || table.type == "sqlite") return list_sql(table);
  return {false, format("{}: tables cannot be listed", table.type), {}};
}

Listing Tables::list_file(const TableRef& table) const {
  auto text = base::read_file(table.name, 64 << 20);
  if (!text) return {false, text.error().text, {}};
  Listing listing{true, {}, {}};
  base::capture_log([](Level, std::string_view, std::string_view) {});
  lookup::LineReader reader(table.name, *text, Logger("check"));
  for (std::string_view line; reader.next(line);) {
    auto [key, value] = lookup::split_key_value(line);
    if (key.ends_with(':')) key.remove_suffix(1);  // aliases(5)
    auto lower = base::lower(base::trim(key, "\""));
    listing.rows.push_back({lower, std::string(value), {table.name, reader.first_line()}});
  }
  base::capture_log({});
  return listing;
}

Listing Tables::list_sql(const TableRef& table) {
  if (auto down = site_.databases().down(table)) return {false, *down, {}};
  auto cf = conf::TableCf::open(site_.main_cf(), table.type, table.name);
  if (!cf) return {false, cf.error().text, {}};
  auto query = listing_query(cf->get("query"));
  if (!query) return {false, "its query is too involved to list what it holds", {}};
  auto rows = site_.databases().rows(table, query->text);
  if (!rows) return {false, rows.error().text, {}};
  Listing listing{!rows->cut, rows->cut ? "too many rows" : "", {}};
  for (auto& row : rows->rows) {
    auto value = row.size() > query->keys() ? row[query->keys()].value_or("") : std::string();
    auto key = query->key_of(row);
    if (!key.empty()) listing.rows.push_back({base::lower(key), value, {table.name, 0}});
  }
  return listing;
}

}  // namespace dovetail::check
