// A SQL database behind passdb and userdb: one statement in, all its rows out. The text has % variables, whose values are
// quoted by the connection that runs it. Drivers keep their connections, try hosts in turn and come back by themselves;
// a database that cannot be asked is a temporary Error.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "authd/request.h"
#include "common/base/log.h"
#include "common/base/result.h"
#include "common/net/loop.h"

namespace dovetail::authd {

struct SqlRows {
  std::vector<std::string> columns;
  std::vector<std::vector<std::optional<std::string>>> rows;  // NULL is nullopt
};

class SqlDb {
 public:
  virtual ~SqlDb() = default;
  virtual net::Task<Result<SqlRows>> query(const std::string& text, const Request& request) = 0;
};

// dovecot-sql.conf.ext.
struct SqlConfig {
  std::string driver, default_pass_scheme = "MD5";
  Secret connect;  // has the password in it
  std::string password_query =
      "SELECT username, domain, password FROM users WHERE username = '%n' AND domain = '%d'";
  std::string user_query =
      "SELECT home, uid, gid FROM users WHERE username = '%n' AND domain = '%d'";
  std::string iterate_query = "SELECT username, domain FROM users";
};
Result<SqlConfig> read_sql_config(const AuthSettings& settings, const std::string& path);

struct SqlConnect {
  std::vector<std::string> hosts;  // names, addresses, or paths of Unix sockets
  std::string user, dbname;
  Secret password;
  unsigned port = 0;
  unsigned connect_timeout = 5, read_timeout = 30, write_timeout = 30;
  unsigned long client_flags = 0;
  std::string ssl_cert, ssl_key, ssl_ca, ssl_ca_path, ssl_cipher;
  bool ssl_verify_server_cert = false;
  std::string option_file, option_group = "client";
};
Result<SqlConnect> parse_sql_connect(std::string_view text);

// By the name of its driver; an Error ends the program ("Unknown database driver 'x'").
Result<std::shared_ptr<SqlDb>> open_sql(net::Loop& loop, const SqlConfig& config,
                                        const Logger& log);
std::shared_ptr<SqlDb> open_mysql(net::Loop& loop, SqlConnect connect, Logger log);
Result<std::shared_ptr<SqlDb>> open_sqlite(net::Loop& loop, std::string_view connect, Logger log);

}  // namespace dovetail::authd
