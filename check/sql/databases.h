// The SQL servers and files behind mysql: and sqlite: tables and Dovecot's dovecot-sql.conf.ext, asked directly: is somebody
// there, what do whole tables hold, how wide are their columns. A server that does not accept a connection in time is "down" for
// the whole check; all are tried at once, so that one run waits only once.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "check/finding.h"
#include "common/base/result.h"
#include "common/base/secret.h"

namespace dovetail::check {

class Site;
struct TableRef;

struct SqlSource {
  std::string driver;              // mysql, sqlite; others are known by name only
  std::vector<std::string> hosts;  // "db.example", "192.0.2.1:3307", "/run/mysqld/mysqld.sock"
  std::string user, dbname, path;  // path: of an SQLite file
  Secret password;
  unsigned port = 3306;
  // As the daemons connect: hashes must not cross the network in clear because of a check.
  std::string option_file, option_group;
  std::string tls_key_file, tls_cert_file, tls_ca_file, tls_ca_path, tls_ciphers;
  bool tls_verify_cert = false;
  Place place;  // where it is configured
};

struct SqlColumn {
  std::string name;
  unsigned long width = 0;  // characters a MySQL column can hold; 0: not known, or no limit
};
struct SqlRows {
  std::vector<SqlColumn> columns;
  std::vector<std::vector<std::optional<std::string>>> rows;
  bool cut = false;  // there were more
};

// A dovecot-sql.conf.ext.
struct DovecotSql {
  SqlSource source;
  std::string default_scheme = "MD5", password_query, user_query;
  Place scheme_place, password_place;
};

class Databases {
 public:
  explicit Databases(Site& site);
  ~Databases();

  // Starts to find out whether the servers of a table are there.
  void expect(const TableRef& table);
  // Why a table's database cannot be asked; nullopt: it can, or it is no database.
  std::optional<std::string> down(const TableRef& table);
  std::optional<std::string> down(const SqlSource& source);
  Result<SqlRows> rows(const TableRef& table, const std::string& query);
  Result<SqlRows> rows(const SqlSource& source, const std::string& query);

  // The files that Dovecot's passdbs of driver sql name, with the error of those that cannot be read.
  const std::vector<DovecotSql>& dovecot() const { return dovecot_; }
  struct Unreadable {
    Place place;
    std::string text;
    bool denied = false;
  };
  const std::vector<Unreadable>& unreadable() const { return unreadable_; }
  // Every source once: "mysql DBNAME on HOST".
  std::vector<SqlSource> sources() const;

 private:
  struct Probe;
  void read_dovecot();
  const SqlSource* source_of(const TableRef& table);
  std::shared_ptr<Probe> probe(const SqlSource& source, const std::string& host, unsigned port);
  // Why a host does not answer; empty: it does.
  std::string absent(const SqlSource& source, const std::string& host);

  Site& site_;
  std::map<std::string, std::optional<SqlSource>, std::less<>> tables_;
  std::map<std::string, std::shared_ptr<Probe>, std::less<>> probes_;
  std::map<std::string, std::string, std::less<>> refused_;  // sources that let nobody in, and why
  std::vector<DovecotSql> dovecot_;
  std::vector<Unreadable> unreadable_;
};

// One blocking question to one database: mysql.cc, sqlite.cc.
inline constexpr size_t kMostRows = 200000;
Result<SqlRows> mysql_rows(const SqlSource& source, const std::string& host,
                           const std::string& query);
Result<SqlRows> sqlite_rows(const SqlSource& source, const std::string& query);

// "host=a host=b dbname=d user=u password=p" of a dovecot-sql.conf.ext.
SqlSource parse_connect(std::string_view driver, std::string_view connect);

}  // namespace dovetail::check
