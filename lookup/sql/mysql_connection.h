// One connection to a MySQL or MariaDB server on the loop: the client library's non-blocking calls, one at a time.
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
#include "lookup/sql/connection.h"

struct st_mysql;

namespace dovetail::lookup {

struct MysqlSettings {
  std::string user, dbname, charset, option_file, option_group;
  Secret password;
  std::string tls_cert_file, tls_key_file, tls_ca_file, tls_ca_path, tls_ciphers;
  bool tls_verify_cert = false;
  bool require_result_set = true;
};

class MysqlConnection final : public SqlConnection {
 public:
  MysqlConnection(net::Loop& loop, std::shared_ptr<const MysqlSettings> settings)
      : loop_(loop), settings_(std::move(settings)) {}
  ~MysqlConnection() override;

  Task<Result<void>> connect(const SqlHost& host, std::string address) override;
  Task<Result<SqlValues>> query(std::string text) override;
  std::optional<std::string> escape(std::string_view text) const override;
  bool closed_by_server() const override;

 private:
  void apply();
  Task<int> wait(int status, bool new_socket);
  Task<bool> more_results();
  Error failure();

  net::Loop& loop_;
  std::shared_ptr<const MysqlSettings> settings_;
  st_mysql* mysql_ = nullptr;
  std::optional<net::Watch> watch_;
  int watched_ = -1;
};

}  // namespace dovetail::lookup
