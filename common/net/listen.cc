// SPDX-License-Identifier: Apache-2.0
#include "common/net/listen.h"

#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>

#include "common/base/text.h"

namespace dovetail::net {

using base::Fd;

Result<Fd> listen_inet(const SockAddr& address, int backlog) {
  Fd fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return errno_error("socket", errno);
  int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address.family() == AF_INET6) setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  auto what = format("bind {} port {}", address.host(), address.port());
  if (::bind(fd.get(), address.get(), address.length()) != 0) return errno_error(what, errno);
  if (::listen(fd.get(), backlog) != 0) return errno_error(what, errno);
  return fd;
}

// A node left behind by a dead process refuses connections; only such a one may be replaced.
static bool is_live_socket(const SockAddr& address) {
  Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  return ::connect(probe.get(), address.get(), address.length()) == 0 || errno == EAGAIN;
}

Result<Fd> listen_unix(const std::string& path, mode_t mode, int backlog) {
  auto address = SockAddr::unix_path(path);
  if (!address) return config_error(format("unix socket path too long: {}", path));
  struct stat st {};
  if (::lstat(path.c_str(), &st) == 0) {
    if (!S_ISSOCK(st.st_mode)) return config_error(format("{} is not a socket", path));
    if (is_live_socket(*address)) return errno_error("bind " + path, EADDRINUSE);
    ::unlink(path.c_str());
  }
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return errno_error("socket", errno);
  if (::bind(fd.get(), address->get(), address->length()) != 0)
    return errno_error("bind " + path, errno);
  if (::chmod(path.c_str(), mode) != 0) return errno_error("chmod " + path, errno);
  if (::listen(fd.get(), backlog) != 0) return errno_error("listen " + path, errno);
  return fd;
}

Task<Listener::Accepted> Listener::accept(Loop& loop) {
  for (;;) {
    sockaddr_storage from{};
    socklen_t length = sizeof from;
    int fd = ::accept4(fd_.get(), reinterpret_cast<sockaddr*>(&from), &length,
                       SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      Accepted accepted{Fd(fd), SockAddr(reinterpret_cast<sockaddr*>(&from), length)};
      co_return accepted;
    }
    int why = errno;
    if (why == EMFILE || why == ENFILE || why == ENOBUFS || why == ENOMEM) {
      co_await loop.sleep(
          Milliseconds(1000));  // clients wait in the backlog until a descriptor is free
    } else if (why == EAGAIN) {
      watch_.not_readable();
      co_await watch_.readable(std::nullopt);
    }
    // Anything else belongs to that one client (ECONNABORTED): the next one.
  }
}

Task<Result<Fd>> connect_to(Loop& loop, SockAddr address, Milliseconds time,
                            std::optional<SockAddr> bind_to) {
  Fd fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) co_return errno_error("socket", errno);
  if (bind_to && ::bind(fd.get(), bind_to->get(), bind_to->length()) != 0) {
    co_return errno_error(format("bind {}", bind_to->host()), errno);
  }
  if (::connect(fd.get(), address.get(), address.length()) == 0) co_return fd;
  auto words = [](int code) { return temporary(std::generic_category().message(code)); };
  // A Unix socket whose backlog is full says EAGAIN: there is nothing to wait for.
  if (errno != EINPROGRESS) co_return words(errno);
  Watch watch(loop, fd.get());
  int error = 0;
  try {
    co_await watch.writable(time);
  } catch (const IoError& io) {
    error = io.code;
  }
  socklen_t length = sizeof error;
  if (error == 0) getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) co_return words(error);
  co_return fd;
}

}  // namespace dovetail::net
