// The servers behind one mysql: or pgsql: table and the connections to them: which server is asked, what happens when one
// is down.
//
// Rules of the incumbent (reference card k): servers are tried in random order, Unix sockets before TCP; one that failed is
// left alone for retry_interval while there are others; idle connections are closed after idle_interval. Ours: when no
// server is left (a single one is the usual case), the failed ones are tried again at once, so that work goes on
// with the first question after a server's return. While a server is away one question at a time tries it, and those
// behind share a failure: one that hangs costs a message its time limit once. An outage is one line when it begins and one
// when it is over.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/log.h"
#include "common/net/dns.h"
#include "common/net/loop.h"
#include "conf/postfix/table_cf.h"
#include "lookup/remote/outage.h"
#include "lookup/sql/connection.h"
#include "lookup/types.h"

namespace dovetail::lookup {

class SqlServers {
 public:
  struct Options {
    std::vector<std::string> hosts;
    base::Seconds idle_interval{60};
    base::Seconds retry_interval{60};
    unsigned connections = 4;
    bool every_failure = false;  // a command: each failure is a warning
    bool resolve = true;         // names are resolved here, not by the library
    std::function<std::unique_ptr<SqlConnection>()> connection;
    // "connect to mysql server H", "mysql:FILE: query failed": first words of warnings, for a host as given.
    std::function<std::string(std::string_view host)> connecting, querying;
  };
  // The text of the query, quoted for the connection that will run it; nullopt: the key is no text to the server.
  using MakeQuery = std::function<std::optional<std::string>(const SqlConnection&)>;

  // table: "mysql:/etc/postfix/x.cf", for messages.
  SqlServers(net::Loop& loop, std::string table, Options options,
             std::shared_ptr<net::Resolver> resolver, const Logger& log);
  ~SqlServers();

  // The Error's text is that of an errno; what happened has been logged. No rows where there was no query.
  Task<Result<SqlValues>> run(const MakeQuery& make_query);

 private:
  struct Host;
  struct Lease;
  Task<Result<std::unique_ptr<SqlConnection>>> connect(Host& host);
  Task<Result<std::unique_ptr<SqlConnection>>> open(Host& host);
  Task<Result<SqlValues>> run_on(Host& host, const MakeQuery& make_query);
  std::vector<Host*> candidates();
  void away(Host& host, const std::string& doing, const Error& error, int error_number);
  void close_idle();

  net::Loop& loop_;
  std::string table_;
  Options options_;
  std::shared_ptr<net::Resolver> resolver_;
  Logger log_;
  std::vector<std::unique_ptr<Host>> hosts_;
  unsigned busy_ = 0;
  net::Event free_;
  net::Timer idle_timer_;
  int last_error_ = 0;
};

// hosts, idle_interval, retry_interval of a table's file, and what the options of its opening say.
Result<SqlServers::Options> read_sql_servers(const OpenContext& context, const conf::TableCf& cf,
                                             std::string_view default_host);

}  // namespace dovetail::lookup
