// SPDX-License-Identifier: Apache-2.0
#include "common/net/fd_pass.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace dovetail::net {

using base::Fd;

Result<std::pair<Fd, Fd>> seqpacket_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) {
    return errno_error("socketpair", errno);
  }
  return std::pair(Fd(ends[0]), Fd(ends[1]));
}

namespace {

union ControlSpace {
  char bytes[CMSG_SPACE(sizeof(int) * kMaxPassedFds)];
  cmsghdr align;
};

}  // namespace

Result<bool> try_send_message(int socket, std::string_view bytes, const std::vector<int>& fds) {
  if (bytes.size() > kMaxMessage || fds.size() > kMaxPassedFds)
    return permanent("message too large for a channel");
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  ControlSpace control{};
  if (!fds.empty()) {
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
    auto* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
    memcpy(CMSG_DATA(header), fds.data(), sizeof(int) * fds.size());
  }
  for (;;) {
    if (::sendmsg(socket, &message, MSG_NOSIGNAL) >= 0) return true;
    if (errno == EAGAIN) return false;
    if (errno != EINTR) return errno_error("sendmsg", errno);
  }
}

static void collect_fds(msghdr& message, std::vector<Fd>& fds) {
  for (auto* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd;
      memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
      fds.emplace_back(fd);
    }
  }
}

// One recvmsg: false if nothing is there. Not in the coroutine, whose frame must not hold a cmsghdr
// (nor 64 KiB).
static bool receive_now(int fd, FdMessage& got) {
  static thread_local std::array<char, kMaxMessage> buffer;
  iovec part{buffer.data(), buffer.size()};
  ControlSpace control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof control.bytes;
  ssize_t n = ::recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (n < 0) throw IoError{errno == ECONNRESET ? IoError::eof : IoError::error, errno, {}};
  collect_fds(message, got.fds);
  if (n == 0 && got.fds.empty()) throw IoError{IoError::eof, 0, {}};
  got.bytes.assign(buffer.data(), static_cast<size_t>(n));
  return true;
}

Task<FdMessage> Channel::receive() {
  FdMessage got;
  while (!receive_now(fd_.get(), got)) {
    watch_.not_readable();
    co_await watch_.readable(std::nullopt);
  }
  co_return got;
}

Task<> Channel::send(std::string bytes, std::vector<int> fds) {
  for (;;) {
    auto sent = try_send_message(fd_.get(), bytes, fds);
    if (!sent) throw IoError{IoError::eof, EPIPE, sent.error().text};
    if (*sent) co_return;
    watch_.not_writable();
    co_await watch_.writable(std::nullopt);
  }
}

Result<PeerCredentials> peer_credentials(int socket) {
  ucred who{};
  socklen_t length = sizeof who;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &who, &length) != 0)
    return errno_error("SO_PEERCRED", errno);
  return PeerCredentials{who.pid, who.uid, who.gid};
}

}  // namespace dovetail::net
