// What a login process tells the broker about a client it has let in, and what comes back. One connection per client on
// login/imap, login/pop3: a length line, the message and the client's descriptor; then one answer.
// Plain sessions hand over the client's own descriptor with the input that was read already; TLS sessions one end of a
// socketpair whose other end login relays.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "common/base/file.h"
#include "common/base/result.h"
#include "common/net/fd_pass.h"
#include "common/net/task.h"
#include "common/service/control.h"

namespace dovetail::mda {

struct Handover {
  std::string service;  // "imap", "pop3"
  std::string user;     // as auth named it to login
  std::string session;
  std::string local_ip, remote_ip;
  unsigned local_port = 0, remote_port = 0;
  std::string tag;    // of the IMAP command to be answered with OK
  std::string input;  // read by login behind that command
  bool tls = false;
  // For REQUEST on auth-master.
  pid_t auth_client_pid = 0;
  uint32_t auth_request = 0;
  std::string auth_cookie;
  unsigned userip_limit = 0;  // mail_max_userip_connections; 0: none

  service::ControlMessage encode() const;
  static Handover decode(const service::ControlMessage& message);
};

struct HandoverAnswer {
  enum class Status : uint8_t { taken, limit, failed } status = Status::failed;
  pid_t mpid = 0;
  std::string user;   // as the userdb names him
  std::string error;  // failed: for login's log

  service::ControlMessage encode() const;
  static HandoverAnswer decode(const service::ControlMessage& message);
};

// A message on a stream socket: "LENGTH\n" and the bytes; descriptors travel with the first octet.
inline constexpr size_t kHandoverLimit = 48 * 1024;
struct StreamMessage {
  service::ControlMessage message;
  std::vector<base::Fd> fds;
};
std::string frame_message(const service::ControlMessage& message);

// A connection for one question and its answer after the other.
class FramedChannel {
 public:
  FramedChannel(net::Loop& loop, base::Fd fd) : channel_(loop, std::move(fd)) {}
  // Throws IoError; a message that is too long or no message is an Error.
  Task<Result<StreamMessage>> receive();
  // The descriptors stay the caller's.
  Task<> send(service::ControlMessage message, std::vector<int> fds);
  // False: the other side has hung up, or says something nobody asked for.
  bool is_quiet() const;
  // Ends all waits with IoError::cancelled.
  void cancel() { channel_.close(); }

 private:
  net::Channel channel_;
};

// For one message only; the descriptor stays the caller's.
Task<Result<StreamMessage>> receive_framed(net::Loop& loop, int fd);
Task<> send_framed(net::Loop& loop, int fd, service::ControlMessage message, std::vector<int> fds);

// Login's side: connects, hands over, waits for the answer. `fd` stays the caller's.
Task<Result<HandoverAnswer>> hand_over(net::Loop& loop, std::string socket_path, Handover handover,
                                       int fd);

}  // namespace dovetail::mda
