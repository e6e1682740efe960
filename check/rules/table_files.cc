// Lookup tables that are missing, older than their source, unreadable by those who need them, or malformed; databases that do
// not answer.
// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <set>

#include "check/access.h"
#include "check/rules.h"
#include "check/sql/databases.h"
#include "check/sql/listing_query.h"
#include "check/tables.h"
#include "common/base/file.h"
#include "common/base/text.h"
#include "conf/postfix/table_cf.h"
#include "lookup/registry.h"

namespace dovetail::check {

namespace {

constexpr std::string_view kLookupsFail =
    "each lookup in it fails: mail that needs it is put off with \"451 4.3.0 Temporary lookup "
    "failure\"";

// Types of which the name is a file that is read as it stands.
constexpr std::string_view plain_files[] = {"texthash", "regexp", "pcre", "cidr",    "mysql",
                                            "pgsql",    "sqlite", "ldap", "memcache"};

constexpr size_t kMostWarnings = 8;  // of one table

std::string builder_of(const TableRef& table) {
  bool aliases = table.parameter == "alias_maps" || table.parameter == "alias_database";
  return format("{} {}", aliases ? "postalias" : "postmap", table.text());
}

// The file the daemons open; on hosts without Berkeley DB that of hash: and btree: is LMDB's.
std::string built_file(const TableRef& table, const FileType& type) {
  auto path = table.name + std::string(type.suffix);
  if (type.suffix == ".db" && !base::file_exists(path) && base::file_exists(table.name + ".lmdb"))
    return table.name + ".lmdb";
  return path;
}

struct FileJudge {
  Site& site;
  Report& report;
  const TableRef& table;

  void missing(const std::string& path, std::string remedy) const {
    report.add({table.place, Severity::error,
                format("{} of {} does not exist", path, table.parameter), std::string(kLookupsFail),
                std::move(remedy)});
  }

  // proxy: is opened by proxymap, which is no longer root then; all others before the daemons give root up.
  bool readable(const std::string& path) const {
    if (table.proxied) {
      auto owner = user_named(site.get("mail_owner"));
      auto barrier = owner ? kept_out_by(*owner, path, 4) : std::string();
      if (!barrier.empty()) {
        report.add(
            {table.place, Severity::error,
             format("proxymap ({}) may not read {}: it is kept out by {}", site.get("mail_owner"),
                    path, barrier),
             std::string(kLookupsFail),
             format("chgrp {} {}, chmod g+r, or take proxy: out", site.get("mail_owner"), path)});
        return false;
      }
    }
    if (access(path.c_str(), R_OK) == 0) return true;
    auto owner = user_named(site.get("mail_owner"));
    bool by_daemon = geteuid() == 0 || (owner && owner->uid == geteuid());
    if (by_daemon)
      report.add({table.place, Severity::error,
                  format("{} cannot be read: {}", path, std::strerror(errno)),
                  std::string(kLookupsFail), "correct owner and mode"});
    else
      report.add({table.place, Severity::note,
                  format("{} cannot be read: {}", path, std::strerror(errno)),
                  "what it holds was not examined", "ask again as root"});
    return false;
  }

  bool judge_built(const FileType& type) const {
    auto path = built_file(table, type);
    struct stat built {
    }, source{};
    bool has_source = stat(table.name.c_str(), &source) == 0;
    if (stat(path.c_str(), &built) != 0) {
      if (errno == EACCES) return readable(path);
      missing(path, has_source ? "run " + builder_of(table)
                               : format("make {}, then run {}", table.name, builder_of(table)));
      return false;
    }
    if (has_source && source.st_mtime > built.st_mtime) {
      report.add({{table.name, 0},
                  Severity::warning,
                  format("{} is older than {}", path, table.name),
                  "the daemons go on with the old content, and warn in the log",
                  "run " + builder_of(table)});
    }
    return readable(path);
  }

  bool judge_file() const {
    auto* type = find_file_type(table.type);
    if (type && !type->suffix.empty()) return judge_built(*type);
    bool plain = std::find(std::begin(plain_files), std::end(plain_files), table.type) !=
                 std::end(plain_files);
    if (!plain || !table.name.starts_with('/')) return true;
    if (!base::file_exists(table.name) && errno != EACCES) {
      missing(table.name, format("make {}, or correct the name", table.name));
      return false;
    }
    return readable(table.name);
  }
};

void judge_type(const Site& site, Report& report, const TableRef& table) {
  bool set = site.main_cf().is_set(table.parameter) || table.place.line != 0;
  auto known = lookup::type_names();
  bool here = std::find(known.begin(), known.end(), table.type) != known.end();
  if (here) return;
  bool some = is_map_type(table.type);
  report.add({table.place, Severity::error,
              format("{}: this build has no {}: tables", table.text(), table.type),
              std::string(kLookupsFail),
              !set   ? format("set {}: it has this table by default", table.parameter)
              : some ? "install what it needs, or use another type (postconf -m lists them)"
                     : "correct the type"});
}

// "regexp map FILE, line N: TEXT" of the table's own reader.
Finding warning_at(const TableRef& table, const std::string& warning) {
  auto comma = warning.find(", line ");
  auto colon = comma == warning.npos ? comma : warning.find(": ", comma);
  Finding finding{table.place,
                  Severity::warning,
                  warning,
                  "that part of the table does not do what was meant",
                  "correct the line",
                  {}};
  if (colon == warning.npos) return finding;
  auto line =
      base::parse_number<int>(std::string_view(warning).substr(comma + 7, colon - comma - 7));
  if (line && warning.find(table.name) < comma) finding.place = {table.name, *line};
  if (finding.place.file == table.name) finding.wrong = warning.substr(colon + 2);
  return finding;
}

// What no rule can go through must not look as if it had been found good.
void note_unlisted(Report& report, const Place& place, std::string_view query) {
  report.add({place, Severity::note, format("{} is too involved to be turned into a list", query),
              "what it finds was not examined", "try it with single addresses"});
}

void judge_query(Site& site, Report& report, const TableRef& table) {
  if (table.type != "mysql" && table.type != "sqlite") return;
  auto cf = conf::TableCf::open(site.main_cf(), table.type, table.name);
  if (cf && !listing_query(cf->get("query"))) note_unlisted(report, {table.name, 0}, "query");
}

void judge_content(Site& site, Report& report, const TableRef& table) {
  auto known = lookup::type_names();
  if (std::find(known.begin(), known.end(), table.type) == known.end()) return;
  if (site.databases().down(table)) return;
  if (is_unasked_type(table.type)) {
    report.add({table.place, Severity::note, format("{} is not asked by this check", table.text()),
                "what it holds was not examined", "try it with postmap -q"});
    return;
  }
  for (auto& inner : inner_tables(table)) {
    if (is_unasked_type(inner.type) || site.databases().down(inner)) return;  // told of that table
  }
  auto* opened = site.tables().open(table);
  auto& warnings = site.tables().warnings(table);
  for (size_t i = 0; i < warnings.size() && i < kMostWarnings; ++i)
    report.add(warning_at(table, warnings[i]));
  if (opened) return judge_query(site, report, table);
  // Told by its database, or of a table inside.
  if (table.type == "sqlite" && !site.databases().rows(table, "SELECT 1")) return;
  for (auto& inner : inner_tables(table)) {
    if (!site.tables().open(inner)) return;
  }
  report.add({table.place, Severity::error, site.tables().why(table), std::string(kLookupsFail),
              "correct the table"});
}

}  // namespace

void rule_table_files(Site& site, Report& report) {
  std::set<std::string> seen;
  for (auto& table : site.tables().all()) {
    if (!seen.insert(table.text() + (table.proxied ? "p" : "")).second) continue;
    judge_type(site, report, table);
    FileJudge judge{site, report, table};
    if (judge.judge_file()) judge_content(site, report, table);
  }
}

namespace {

// Why a database cannot be searched; empty: it can.
std::string database_problem(Site& site, const SqlSource& source) {
  if (auto down = site.databases().down(source)) return *down;
  if (source.driver != "mysql" && source.driver != "sqlite") return {};
  auto answer = site.databases().rows(source, "SELECT 1");
  return answer ? std::string() : answer.error().text;
}

}  // namespace

void rule_databases(Site& site, Report& report) {
  // One line for all the files that name a server that is away.
  std::map<std::string, std::vector<Place>> away;
  std::set<std::string> unsearched;
  for (auto& source : site.databases().sources()) {
    if (source.driver.empty()) {
      report.add({source.place, Severity::error, "no driver is set",
                  "the auth service does not start: nobody can log in",
                  "set driver, connect and password_query, or take its passdb out"});
      continue;
    }
    auto why = database_problem(site, source);
    bool searched = source.driver == "mysql" || source.driver == "sqlite";
    if (why.empty() && !searched && unsearched.insert(source.driver).second) {
      report.add({source.place, Severity::note,
                  format("databases of driver {} are not searched by this check", source.driver),
                  "lists of users, passwords and domains in them were not examined",
                  "look at them yourself"});
    }
    auto name = source.dbname.empty() ? source.path : source.dbname;
    if (!why.empty())
      away[format("the database {} does not answer: {}", name, why)].push_back(source.place);
  }
  for (auto& [what, places] : away) {
    std::vector<std::string> others;
    for (size_t i = 1; i < places.size(); ++i) others.emplace_back(base::basename(places[i].file));
    report.add({places[0], Severity::error,
                others.empty() ? what : format("{} (also named by {})", what, some_of(others)),
                "lookups fail: mail is put off with 451 4.3.0, and nobody can log in; what it "
                "holds was not examined",
                "start the server, or correct host, user and password"});
  }
  for (auto& one : site.databases().dovecot()) {
    bool searched = one.source.driver == "mysql" || one.source.driver == "sqlite";
    if (searched && !one.password_query.empty() && !listing_query(one.password_query, true))
      note_unlisted(report, one.password_place, "password_query");
  }
  for (auto& one : site.databases().unreadable()) {
    report.add({one.place, one.denied ? Severity::note : Severity::error, one.text,
                one.denied ? "its users and passwords were not examined"
                           : "the auth service does not start: nobody can log in",
                one.denied ? "ask again as root" : "correct the file or its name"});
  }
}

}  // namespace dovetail::check
