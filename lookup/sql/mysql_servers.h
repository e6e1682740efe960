// The servers behind one mysql: table and the connections to them: which server is asked, what happens when one is down.
//
// Rules of the incumbent (reference card k): servers are tried in random order, Unix sockets before TCP; one that failed is
// left alone for retry_interval while there are others; idle connections are closed after idle_interval. Ours: when no
// server is left (a single one is the usual case), the failed ones are tried again at once, so that work goes on
// with the first question after a server's return; and an outage is reported once per retry_interval, not per question.
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
#include "lookup/sql/mysql_connection.h"

namespace dovetail::lookup {

class MysqlServers {
 public:
  struct Options {
    std::vector<std::string> hosts;
    MysqlSettings settings;
    base::Seconds idle_interval{60};
    base::Seconds retry_interval{60};
    unsigned connections = 4;
  };
  // The text of the query, quoted for the connection that will run it.
  using MakeQuery = std::function<std::string(const MysqlConnection&)>;

  // table: "mysql:/etc/postfix/x.cf", for messages.
  MysqlServers(net::Loop& loop, std::string table, Options options,
               std::shared_ptr<net::Resolver> resolver, const Logger& log);
  ~MysqlServers();

  // The Error's text is that of an errno; what happened has been logged.
  Task<Result<MysqlValues>> run(const MakeQuery& make_query);

 private:
  struct Host;
  struct Lease;
  Task<Result<std::unique_ptr<MysqlConnection>>> connect(Host& host);
  Task<Result<MysqlValues>> run_on(Host& host, const MakeQuery& make_query);
  std::vector<Host*> candidates();
  void failed(Host& host, std::string_view doing, const Error& error, int error_number);
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

}  // namespace dovetail::lookup
