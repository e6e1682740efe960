// Opens a table from the "type:name" an administrator writes, and knows which types there are.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/log.h"
#include "common/base/result.h"
#include "lookup/table.h"

namespace dovetail::conf {
class MainCf;
}
namespace dovetail::net {
class Loop;
class Pool;
class Resolver;
}  // namespace dovetail::net

namespace dovetail::lookup {

struct OpenOptions {
  Logger log;        // warnings are written in this service's name
  bool fold = true;  // fixed tables see keys in lower case
  bool utf8 = true;  // smtputf8_enable: a key that is not UTF-8 is "not found", with a warning
  bool surrogate = false;  // a table that cannot be opened answers "temporary" to every key and is
                           // reported once (daemon_table_open_error_is_fatal = no)
  bool no_substitution = false;  // $1 in results refused (alias_maps, uid and gid maps: security)
  bool no_proxy = false;         // proxy: refused (security-sensitive maps)
  bool values_are_files =
      false;              // postmap -F: a value is the name of a file whose content is the result
  size_t read_cache = 0;  // bytes a table file's pages may take in memory; 0: as main.cf says
  // For postmap, not for a daemon: each failure is a warning, not each outage; proxy: asks the service even where it could
  // do the work itself.
  bool command = false;
  unsigned connections = 4;         // at most so many connections of one process to one SQL server
  std::shared_ptr<net::Pool> pool;  // where blocking back ends work; made when needed
  std::shared_ptr<net::Resolver>
      resolver;  // names of SQL hosts; without one the client library resolves (commands)
};

// Opens "type:name" read-only. Errors are of fault config and have the incumbent's words after "fatal: ".
Result<std::unique_ptr<Table>> open_table(net::Loop& loop, const conf::MainCf& main_cf,
                                          std::string_view type_name, const OpenOptions& options);

// Names of all types that can be opened in this build, sorted, as `postconf -m` lists them.
std::vector<std::string> type_names();

}  // namespace dovetail::lookup
