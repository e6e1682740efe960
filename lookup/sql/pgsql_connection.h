// One connection to a PostgreSQL server on the loop: libpq's non-blocking calls. Manual: pgsql_table(5).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "common/base/secret.h"
#include "common/net/loop.h"
#include "lookup/sql/connection.h"

struct pg_conn;
struct pg_result;

namespace dovetail::lookup {

struct PgsqlSettings {
  std::string user, dbname, encoding;
  Secret password;
};

class PgsqlConnection final : public SqlConnection {
 public:
  PgsqlConnection(net::Loop& loop, std::shared_ptr<const PgsqlSettings> settings)
      : loop_(loop), settings_(std::move(settings)) {}
  ~PgsqlConnection() override;

  Task<Result<void>> connect(const SqlHost& host, std::string address) override;
  Task<Result<SqlValues>> query(std::string text) override;
  std::optional<std::string> escape(std::string_view text) const override;
  bool closed_by_server() const override;

 private:
  struct Waiting {
    bool read = false;
    base::Milliseconds until{0};
  };
  void start(const SqlHost& host, const std::string& address);
  Task<bool> wait(Waiting what, bool new_socket);  // false: time is up
  Task<bool> send(base::Milliseconds until);
  Error failure(std::string text);

  net::Loop& loop_;
  std::shared_ptr<const PgsqlSettings> settings_;
  pg_conn* pg_ = nullptr;
  std::optional<net::Watch> watch_;
  int watched_ = -1;
};

}  // namespace dovetail::lookup
