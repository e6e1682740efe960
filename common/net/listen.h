// Listening sockets, accepting and connecting. Binding with rights is the parents' work
// (common/service/supervisor).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "common/base/file.h"
#include "common/base/result.h"
#include "common/net/address.h"
#include "common/net/loop.h"

namespace dovetail::net {

// A non-blocking, close-on-exec TCP listener; SO_REUSEADDR, IPV6_V6ONLY. Errors read "bind HOST
// port N: reason".
Result<base::Fd> listen_inet(const SockAddr& address, int backlog);
// A Unix stream listener; a stale node is replaced, a live one is an error. The mode is set before
// listen().
Result<base::Fd> listen_unix(const std::string& path, mode_t mode, int backlog);

// Accepts on an inherited listener that other processes may share.
class Listener {
 public:
  Listener(Loop& loop, base::Fd fd) : watch_(loop, fd.get()), fd_(std::move(fd)) {}
  struct Accepted {
    base::Fd fd;
    SockAddr peer;
  };
  // The next client; out of descriptors: waits 1 s and tries on. Throws IoError::cancelled after
  // stop().
  Task<Accepted> accept(Loop& loop);
  void stop() { watch_.cancel(); }
  int fd() const { return fd_.get(); }

 private:
  Watch watch_;
  base::Fd fd_;
};

// Connects without blocking; a failure has the text of errno alone ("Connection refused",
// "Connection timed out").
Task<Result<base::Fd>> connect_to(Loop& loop, SockAddr address, Milliseconds time,
                                  std::optional<SockAddr> bind_to = std::nullopt);

}  // namespace dovetail::net
