// One connection of the auth master protocol (version 1.1): USER, PASS, LIST; on a master socket REQUEST and CACHE-FLUSH
// too. Questions are answered as their databases answer, in any order.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "authd/server.h"
#include "common/net/conn.h"

namespace dovetail::authd {

class MasterSession : public std::enable_shared_from_this<MasterSession> {
 public:
  MasterSession(AuthServer& server, base::Fd fd, SocketKind kind, std::string listener);
  net::Task<> run();

 private:
  net::Task<> read_lines();
  using Words = std::vector<std::string_view>;
  // nullopt, or what is wrong; then the connection ends.
  std::optional<std::string> on_line(std::string_view line);
  std::optional<std::string> on_user(const Words& words, bool passdb);
  std::optional<std::string> on_list(const Words& words);
  std::optional<std::string> on_request(const Words& words);
  std::optional<std::string> on_cache_flush(const Words& words);

  static net::Task<> answer_user(std::shared_ptr<MasterSession> self, uint32_t id,
                                 std::shared_ptr<Request> request);
  static net::Task<> answer_pass(std::shared_ptr<MasterSession> self, uint32_t id,
                                 std::shared_ptr<Request> request);
  static net::Task<> answer_request(std::shared_ptr<MasterSession> self, uint32_t id,
                                    std::shared_ptr<Request> request, std::string session_pid,
                                    bool token);
  static net::Task<> answer_list(std::shared_ptr<MasterSession> self, uint32_t id);
  bool may_see(const Request& request) const;
  void error(std::string_view text) const;
  void send(std::string_view line);

  AuthServer& server_;
  net::Conn conn_;
  SocketKind kind_;
  net::Event wake_;
  base::Milliseconds created_;
  pid_t peer_pid_ = -1;
  uid_t peer_uid_ = static_cast<uid_t>(-1);
  bool restricted_ = false;  // only the peer's own user may be asked for
  bool version_seen_ = false;
};

}  // namespace dovetail::authd
