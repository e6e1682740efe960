// One connection of the auth client protocol (version 1.2): greeting, then requests side by side, each a coroutine of its
// own. Whatever breaks the protocol ends the connection without an answer, as the incumbent does; clients know that.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "authd/mech/mech.h"
#include "authd/server.h"
#include "common/net/conn.h"

namespace dovetail::authd {

// One AUTH from its line to its reply.
struct PendingAuth {
  explicit PendingAuth(net::Loop& loop) : come(loop), request(std::make_shared<Request>()) {}
  uint32_t id = 0;
  std::unique_ptr<Mech> mech;
  std::optional<Secret> response;  // decoded, not yet taken
  std::string bad_response;        // "": fine; else why it could not be decoded
  bool waiting = false;            // for a CONT
  bool gone = false;               // cancelled, or the client has left: no reply
  net::Event come;
  std::shared_ptr<Request> request;
};

class ClientSession : public std::enable_shared_from_this<ClientSession> {
 public:
  ClientSession(AuthServer& server, base::Fd fd, SocketKind kind);
  net::Task<> run();

 private:
  void greet();
  // "" or what is wrong with the line; then the connection ends. An empty log text ends it silently.
  std::optional<std::string> on_line(std::string_view line);
  std::optional<std::string> on_version(const std::vector<std::string_view>& words,
                                        std::string_view line);
  std::optional<std::string> on_cpid(const std::vector<std::string_view>& words);
  std::optional<std::string> on_auth(std::string_view line);
  std::optional<std::string> on_cont(std::string_view line);
  std::optional<std::string> on_cancel(const std::vector<std::string_view>& words);
  std::optional<std::string> read_parameters(PendingAuth& pending,
                                             const std::vector<std::string_view>& words);
  void give_response(PendingAuth& pending, std::string_view text);

  static net::Task<> authenticate(std::shared_ptr<ClientSession> self,
                                  std::shared_ptr<PendingAuth> pending);
  // nullopt: it ended on the way, and has been answered.
  net::Task<std::optional<MechStep>> run_mech(PendingAuth& pending);
  net::Task<std::optional<PassdbResult>> check(PendingAuth& pending, MechStep step);
  void succeed(PendingAuth& pending);
  void fail(std::shared_ptr<PendingAuth> pending, PassdbResult result);
  void finish(uint32_t id, std::string_view line);
  void say(const PendingAuth& pending, std::string_view text) const;
  void send(std::string_view line);
  void leave(std::string_view why);

  AuthServer& server_;
  net::Conn conn_;
  SocketKind kind_;
  net::Event wake_;
  std::string cookie_;
  pid_t client_pid_ = 0;
  bool version_seen_ = false;
  std::map<uint32_t, std::shared_ptr<PendingAuth>> pending_;
};

}  // namespace dovetail::authd
