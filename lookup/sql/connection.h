// One connection to an SQL server on the loop, whatever the client library: one question at a time, nothing blocks.
// Which server, how many connections and what to do when one is lost is servers.h' matter.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/net/task.h"

namespace dovetail::lookup {

// One word of "hosts =".
struct SqlHost {
  std::string given;  // as written, for messages
  std::string name;   // empty with a socket
  std::string socket_path;
  unsigned port = 0;  // 0: the library's default
  bool uri = false;   // name is a connection string that the library reads

  static SqlHost parse(const std::string& text);
};

// Values of all rows and columns in their order; nullopt is NULL.
using SqlValues = std::vector<std::optional<std::string>>;

class SqlConnection {
 public:
  SqlConnection() = default;
  virtual ~SqlConnection() = default;
  SqlConnection(const SqlConnection&) = delete;

  // address: of host.name, or the name itself where the library shall resolve it.
  virtual Task<Result<void>> connect(const SqlHost& host, std::string address) = 0;
  virtual Task<Result<SqlValues>> query(std::string text) = 0;
  // The text as it may stand between quotes in a query of this connection; nullopt: it is no text to this server.
  virtual std::optional<std::string> escape(std::string_view text) const = 0;
  // An idle connection that has something to read has been closed by the server.
  virtual bool closed_by_server() const = 0;

  // After an Error: the connection itself is gone (not just the query wrong).
  bool lost() const { return lost_; }
  // The errno the incumbent would have shown for the last Error.
  int error_number() const { return error_number_; }

  base::Milliseconds idle_since{0};
  bool fresh = true;  // has not answered a query yet

 protected:
  bool lost_ = false;
  int error_number_ = 0;
};

}  // namespace dovetail::lookup
