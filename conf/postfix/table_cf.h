// The small files behind mysql:/etc/postfix/x.cf, sqlite:, pgsql:, ldap:, memcache: name = value in
// main.cf's grammar, values not expanded. A source without a slash ("mysql:foo") means the
// parameters foo_hosts, foo_user ... of main.cf, which are expanded. Manual: mysql_table(5),
// "parameters may also be given in main.cf".
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "conf/postfix/main_cf.h"

namespace dovetail::conf {

class TableCf {
 public:
  // type is the table type for messages: open "mysql" configuration "FILE": No such file or
  // directory. The error is temporary.
  static Result<TableCf> open(const MainCf& cf, std::string_view type, const std::string& source);
  static Result<TableCf> parse(std::string name, std::string_view text);

  const std::string& name() const { return name_; }
  bool has(std::string_view parameter) const;
  std::string get(std::string_view parameter, std::string_view otherwise = {}) const;
  // Errors: "FILE: bad numerical configuration: n = v", "FILE: invalid n parameter value v < min",
  // "FILE: bad boolean configuration: n = v".
  Result<int> get_int(std::string_view parameter, int otherwise, int min, int max) const;
  Result<bool> get_bool(std::string_view parameter, bool otherwise) const;
  const std::map<std::string, std::string, std::less<>>& entries() const { return entries_; }

 private:
  std::string name_;
  std::map<std::string, std::string, std::less<>> entries_;
};

}  // namespace dovetail::conf
