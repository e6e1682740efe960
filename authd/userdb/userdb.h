// A user database: uid, gid, home and settings of one user, and perhaps a list of all.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "authd/request.h"
#include "common/net/task.h"

namespace dovetail::authd {

enum class UserdbResult { ok, unknown, internal_failure };

struct UserdbReply {
  UserdbResult result = UserdbResult::internal_failure;
  std::vector<FieldTemplate> fields;
  std::string log;
  bool log_is_error = false;
};

class Userdb {
 public:
  virtual ~Userdb() = default;
  virtual std::string_view driver() const = 0;
  virtual net::Task<UserdbReply> lookup(const Request& request) = 0;
  virtual bool can_list() const { return false; }
  virtual net::Task<Result<std::vector<std::string>>> list();
  virtual std::string cache_key() const { return {}; }
  // True: a user counts only if a passdb knows him (static without allow_all_users).
  virtual bool wants_passdb_check() const { return false; }
};

}  // namespace dovetail::authd
