// One connection to a MySQL or MariaDB server on the loop: the client library's non-blocking calls, one at a time.
// Which server, how many connections and what to do when one is lost is mysql_servers' matter.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/base/secret.h"
#include "common/net/loop.h"

struct st_mysql;

namespace dovetail::lookup {

struct MysqlSettings {
  std::string user, dbname, charset, option_file, option_group;
  Secret password;
  std::string tls_cert_file, tls_key_file, tls_ca_file, tls_ca_path, tls_ciphers;
  bool tls_verify_cert = false;
  bool require_result_set = true;
};

// Values of all rows and columns in their order; nullopt is NULL.
using MysqlValues = std::vector<std::optional<std::string>>;

class MysqlConnection {
 public:
  explicit MysqlConnection(net::Loop& loop) : loop_(loop) {}
  ~MysqlConnection();
  MysqlConnection(const MysqlConnection&) = delete;

  // host: a name, an address or "" with a socket path.
  Task<Result<void>> connect(const MysqlSettings& settings, std::string host,
                             std::string socket_path, unsigned port);
  Task<Result<MysqlValues>> query(std::string text);
  // The text as it may stand between quotes in a query of this connection.
  std::string escape(std::string_view text) const;

  // After an Error: the connection itself is gone (not just the query wrong).
  bool lost() const { return lost_; }
  // The errno the incumbent would have shown for the last Error.
  int error_number() const { return error_number_; }
  // An idle connection that has something to read has been closed by the server.
  bool closed_by_server() const;

  base::Milliseconds idle_since{0};
  bool fresh = true;  // has not answered a query yet

 private:
  void apply(const MysqlSettings& settings);
  Task<int> wait(int status, bool new_socket);
  Task<bool> more_results();
  Error failure();

  net::Loop& loop_;
  st_mysql* mysql_ = nullptr;
  std::optional<net::Watch> watch_;
  int watched_ = -1;
  bool lost_ = false;
  bool require_result_set_ = true;
  int error_number_ = 0;
};

}  // namespace dovetail::lookup
