// From passdb { } and userdb { } blocks to databases. A driver this build lacks ends the program by name.
// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "authd/databases.h"
#include "authd/passdb/fixed.h"
#include "authd/passdb/passwd_file.h"
#include "authd/passdb/sql.h"
#include "authd/worker/worker_pool.h"
#include "common/base/text.h"

namespace dovetail::authd {

namespace {

// What several blocks share.
struct Opening {
  net::Loop& loop;
  const AuthSettings& settings;
  WorkerPool* workers;
  const Logger& log;
  std::shared_ptr<PasswdFiles> passwd_files;
  std::map<std::string, std::shared_ptr<SqlDb>> sql;
};

Result<std::pair<std::shared_ptr<SqlDb>, SqlConfig>> open_sql_block(Opening& opening,
                                                                    const std::string& path) {
  if (path.empty()) return config_error("sql: args must be a path of a configuration file");
  auto config = read_sql_config(opening.settings, path);
  if (!config) return config.error();
  auto& db = opening.sql[path];
  if (!db) {
    auto opened = open_sql(opening.loop, *config, opening.log);
    if (!opened) return opened.error();
    db = std::move(*opened);
  }
  return std::pair(db, std::move(*config));
}

template <class T>
using Opened = Result<std::unique_ptr<T>>;

Opened<Passdb> open_passdb(Opening& opening, const conf::dovecot::Passdb& block) {
  if (block.driver == "sql") {
    auto sql = open_sql_block(opening, block.args);
    if (!sql) return sql.error();
    return make_sql_passdb(std::move(sql->first), std::move(sql->second));
  }
  if (block.driver == "passwd-file") {
    auto args = parse_passwd_file_args(block.args);
    if (!args) return args.error();
    return make_passwd_file_passdb(opening.passwd_files, std::move(*args));
  }
  if (block.driver == "static") return make_static_passdb(block.args);
  if (block.driver == "pam" || block.driver == "shadow" || block.driver == "passwd") {
    return make_worker_passdb(opening.workers, block.driver, block.args);
  }
  return config_error(format("Unknown passdb driver '{}'", block.driver));
}

Opened<Userdb> open_userdb(Opening& opening, const conf::dovecot::Userdb& block, bool only_one) {
  if (block.driver == "sql") {
    auto sql = open_sql_block(opening, block.args);
    if (!sql) return sql.error();
    return make_sql_userdb(std::move(sql->first), std::move(sql->second));
  }
  if (block.driver == "passwd-file") {
    auto args = parse_passwd_file_args(block.args);
    if (!args) return args.error();
    return make_passwd_file_userdb(opening.passwd_files, std::move(*args));
  }
  if (block.driver == "static") return make_static_userdb(block.args);
  if (block.driver == "prefetch") return make_prefetch_userdb(only_one);
  if (block.driver == "passwd") return make_worker_userdb(opening.workers, block.args);
  return config_error(format("Unknown userdb driver '{}'", block.driver));
}

}  // namespace

Result<std::unique_ptr<Databases>> Databases::open(net::Loop& loop, const AuthSettings& settings,
                                                   WorkerPool* workers, const Logger& log) {
  auto databases = std::make_unique<Databases>(loop, settings, log);
  Opening opening{loop, settings, workers, log, std::make_shared<PasswdFiles>(log), {}};
  for (const auto& block : settings.passdbs) {
    auto db = open_passdb(opening, block);
    if (!db) return db.error();
    auto added = databases->add(block, std::move(*db));
    if (!added) return added.error();
  }
  for (const auto& block : settings.userdbs) {
    auto db = open_userdb(opening, block, settings.userdbs.size() == 1);
    if (!db) return db.error();
    auto added = databases->add(block, std::move(*db));
    if (!added) return added.error();
  }
  return databases;
}

}  // namespace dovetail::authd
