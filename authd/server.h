// The auth daemon without its sockets: what all sessions share. Logins that succeeded wait here until the mail process
// asks for them (REQUEST) or their time is up; whoever asks must know the client's pid, request id and cookie.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <tuple>

#include "authd/databases.h"
#include "authd/penalty.h"
#include "authd/settings.h"
#include "authd/worker/worker_pool.h"
#include "common/base/log.h"
#include "common/net/loop.h"

namespace dovetail::authd {

// What a listener speaks, told by its name as the incumbent does: the word behind the last '-'.
enum class SocketKind { client, login, token, master, userdb };
SocketKind socket_kind(std::string_view listener);

class AuthServer {
 public:
  // An Error is the Fatal line.
  static Result<std::unique_ptr<AuthServer>> make(net::Loop& loop, AuthSettings settings,
                                                  Logger log);
  // For tests: databases come later, through databases.
  AuthServer(net::Loop& the_loop, AuthSettings the_settings, Logger the_log);

  // One accepted connection, until it ends.
  net::Task<> serve(base::Fd fd, SocketKind kind, std::string listener);

  void remember_login(pid_t client, const std::string& cookie, uint32_t id,
                      std::shared_ptr<Request> request);
  enum class Known { yes, no_request, wrong_cookie };
  // Gives it away: a login can be asked for once.
  Known take_login(pid_t client, const std::string& cookie, uint32_t id,
                   std::shared_ptr<Request>& request);
  // Proves to imap-urlauth that this session is this user's.
  std::string auth_token(const Request& request, std::string_view session_pid) const;

  net::Loop& loop;
  const AuthSettings settings;
  Logger log;
  WorkerPool workers;
  std::unique_ptr<Databases> databases;
  Penalties penalties;
  FailureQueue failures;
  unsigned last_connection = 0;  // CUID

 private:
  struct Login {
    std::shared_ptr<Request> request;
    base::Milliseconds since;
  };
  void forget_old_logins();

  std::map<std::tuple<pid_t, uint32_t, std::string>, Login> logins_;
  Secret token_key_;
};

net::Task<> serve_client(AuthServer& server, base::Fd fd, SocketKind kind);
net::Task<> serve_master(AuthServer& server, base::Fd fd, SocketKind kind, std::string listener);

}  // namespace dovetail::authd
