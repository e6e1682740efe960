// Asks an auth server about users (Dovecot's auth master protocol 1.1: auth-userdb, auth-master):
// the mail broker after a login, lmtp for each recipient, doveadm. One connection carries many
// questions; it is made when first asked and made again after it broke. "No such user" is a value,
// everything else that fails is a temporary Error.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/result.h"
#include "common/net/task.h"
#include "common/proto/auth_client.h"
#include "common/proto/auth_fields.h"

namespace dovetail::proto {

// What the userdb (USER, REQUEST) or passdb (PASS) says.
struct AuthUser {
  std::string name;   // may differ from the one asked for: lower-cased, renamed
  AuthFields fields;  // uid, gid, home, mail, quota_rule, auth_mech, auth_token, ...
  std::string raw;    // the fields as they came, empty ones included, for doveadm
};

// Who asks, and for which connection; empty fields are not sent. service is required by the
// protocol.
struct AuthInfo {
  std::string service;
  std::string local_ip, remote_ip;
  uint16_t local_port = 0, remote_port = 0;
  std::string session;
  AuthFields more;  // doveadm's -x
};

class AuthMaster {
 public:
  AuthMaster(net::Loop& loop, std::string path, Logger log);
  ~AuthMaster();
  AuthMaster(const AuthMaster&) = delete;

  // userdb lookup. nullopt: no such user. An Error's text is the server's reason, or what happened
  // to the connection.
  net::Task<Result<std::optional<AuthUser>>> user(std::string name, AuthInfo info);
  // passdb lookup without password (LMTP proxy, doveadm auth lookup); fields hold user= too.
  net::Task<Result<std::optional<AuthUser>>> pass(std::string name, AuthInfo info);
  // The userdb fields of a login that auth_client has seen succeed. session_pid is this process
  // (the server checks it against the socket's peer); nullopt: the server does not know the request
  // (any more).
  net::Task<Result<std::optional<AuthUser>>> request(AuthHandover login, pid_t session_pid,
                                                     bool request_auth_token);
  // All users the userdbs can list; mask as in "user=mask", which real servers ignore: the caller
  // filters.
  net::Task<Result<std::vector<std::string>>> list(std::string mask, AuthInfo info);
  // How many entries went; no users: the whole cache.
  net::Task<Result<unsigned>> flush_cache(std::vector<std::string> users);

  void close();
  // How long one question may take, 150 s unless told.
  void set_reply_timeout(base::Milliseconds time);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace dovetail::proto
