// SPDX-License-Identifier: Apache-2.0
#include "mda/broker/handover.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <optional>
#include <vector>

#include "common/base/text.h"
#include "common/net/fd_pass.h"
#include "common/net/listen.h"
#include "common/net/loop.h"

namespace dovetail::mda {

using service::ControlMessage;

namespace {

// Time for the userdb lookup and the start of a worker.
constexpr base::Milliseconds kHandoverTime{60000};

// Fields are lines: what came from a client must not make another one.
std::string one_line(std::string_view text) {
  std::string out(text);
  std::erase_if(out, [](char c) { return c == '\n' || c == '\0'; });
  return out;
}

}  // namespace

ControlMessage Handover::encode() const {
  ControlMessage message{"session", {}};
  auto& fields = message.fields;
  fields["service"] = one_line(service);
  fields["user"] = one_line(user);
  fields["session"] = one_line(session);
  fields["lip"] = one_line(local_ip);
  fields["rip"] = one_line(remote_ip);
  fields["lport"] = std::to_string(local_port);
  fields["rport"] = std::to_string(remote_port);
  fields["tag"] = one_line(tag);
  fields["input"] = base::base64(input);
  fields["tls"] = tls ? "1" : "0";
  fields["auth_client_pid"] = std::to_string(auth_client_pid);
  fields["auth_request"] = std::to_string(auth_request);
  fields["auth_cookie"] = one_line(auth_cookie);
  fields["userip_limit"] = std::to_string(userip_limit);
  return message;
}

Handover Handover::decode(const ControlMessage& message) {
  Handover made;
  made.service = message.get("service");
  made.user = message.get("user");
  made.session = message.get("session");
  made.local_ip = message.get("lip");
  made.remote_ip = message.get("rip");
  made.local_port = message.number("lport");
  made.remote_port = message.number("rport");
  made.tag = message.get("tag");
  made.input = base::unbase64(message.get("input")).value_or(std::string());
  made.tls = message.number("tls") != 0;
  made.auth_client_pid = static_cast<pid_t>(message.number("auth_client_pid"));
  made.auth_request = message.number("auth_request");
  made.auth_cookie = message.get("auth_cookie");
  made.userip_limit = message.number("userip_limit");
  return made;
}

ControlMessage HandoverAnswer::encode() const {
  static constexpr const char* verbs[] = {"taken", "limit", "failed"};
  ControlMessage message{verbs[static_cast<int>(status)], {}};
  message.fields["mpid"] = std::to_string(mpid);
  message.fields["user"] = one_line(user);
  message.fields["error"] = one_line(error);
  return message;
}

HandoverAnswer HandoverAnswer::decode(const ControlMessage& message) {
  HandoverAnswer made;
  if (message.verb == "taken") made.status = Status::taken;
  if (message.verb == "limit") made.status = Status::limit;
  made.mpid = static_cast<pid_t>(message.number("mpid"));
  made.user = message.get("user");
  made.error = message.get("error");
  return made;
}

std::string frame_message(const ControlMessage& message) {
  auto bytes = message.encode();
  return format("{}\n{}", bytes.size(), bytes);
}

Task<Result<StreamMessage>> FramedChannel::receive() {
  StreamMessage made;
  std::string bytes;
  std::optional<size_t> length;
  for (;;) {
    auto part = co_await channel_.receive();
    bytes += part.bytes;
    for (auto& passed : part.fds) made.fds.push_back(std::move(passed));
    if (auto end = bytes.find('\n'); !length && end != bytes.npos) {
      length = base::parse_number<size_t>(std::string_view(bytes).substr(0, end));
      if (!length || *length > 2 * kHandoverLimit) co_return permanent("not a message");
      bytes.erase(0, end + 1);
    }
    if (!length && bytes.size() > 20) co_return permanent("not a message");
    if (length && bytes.size() >= *length) break;
  }
  made.message = ControlMessage::decode(bytes);
  co_return made;
}

Task<> FramedChannel::send(ControlMessage message, std::vector<int> fds) {
  auto bytes = frame_message(message);
  co_await channel_.send(std::move(bytes), std::move(fds));
}

bool FramedChannel::is_quiet() const {
  char byte;
  ssize_t n = ::recv(channel_.fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return n < 0 && errno == EAGAIN;
}

Task<Result<StreamMessage>> receive_framed(net::Loop& loop, int fd) {
  FramedChannel channel(loop, base::Fd(::fcntl(fd, F_DUPFD_CLOEXEC, 3)));
  auto made = co_await channel.receive();
  co_return made;
}

Task<> send_framed(net::Loop& loop, int fd, ControlMessage message, std::vector<int> fds) {
  FramedChannel channel(loop, base::Fd(::fcntl(fd, F_DUPFD_CLOEXEC, 3)));
  co_await channel.send(std::move(message), std::move(fds));
}

Task<Result<HandoverAnswer>> hand_over(net::Loop& loop, std::string socket_path, Handover handover,
                                       int fd) {
  auto address = net::SockAddr::unix_path(socket_path);
  if (!address) co_return config_error(socket_path + ": path is too long");
  if (handover.input.size() > kHandoverLimit / 2)
    co_return permanent("too much input before the login was answered");
  auto connected = co_await net::connect_to(loop, *address, kHandoverTime);
  if (!connected) co_return connected.error().wrap(format("connect({}) failed", socket_path));
  auto message = handover.encode();
  std::vector<int> fds;
  fds.push_back(fd);
  try {
    co_await send_framed(loop, connected->get(), std::move(message), std::move(fds));
    auto answer = co_await receive_framed(loop, connected->get());
    if (!answer) co_return answer.error();
    co_return HandoverAnswer::decode(answer->message);
  } catch (const IoError& error) {
    co_return temporary(format("{}: {}", socket_path, error.message()));
  }
}

}  // namespace dovetail::mda
