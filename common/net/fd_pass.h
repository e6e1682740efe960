// Messages with descriptors between processes of one family, over SOCK_SEQPACKET socketpairs or
// Unix sockets. A message is at most 64 KiB and carries at most 16 descriptors; received ones are
// close-on-exec.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/base/file.h"
#include "common/base/result.h"
#include "common/net/loop.h"

namespace dovetail::net {

inline constexpr size_t kMaxMessage = 65536;
inline constexpr size_t kMaxPassedFds = 16;

struct FdMessage {
  std::string bytes;
  std::vector<base::Fd> fds;
};

Result<std::pair<base::Fd, base::Fd>> seqpacket_pair();
// One sendmsg without waiting: false if the socket is full.
Result<bool> try_send_message(int socket, std::string_view bytes, const std::vector<int>& fds);

class Channel {
 public:
  Channel(Loop& loop, base::Fd fd) : fd_(std::move(fd)), watch_(loop, fd_.get()) {}
  // Throws IoError: eof when the other side is gone, cancelled after close().
  Task<FdMessage> receive();
  // The descriptors stay the caller's; they are in flight when this returns.
  Task<> send(std::string bytes, std::vector<int> fds = {});
  // SO_PEERCRED of the other side; nullopt on a socketpair made before a fork is still the maker's.
  void close() { watch_.cancel(); }
  int fd() const { return fd_.get(); }

 private:
  base::Fd fd_;
  Watch watch_;  // ends before the descriptor: a closed one whose file lives on would stay watched
};

struct PeerCredentials {
  pid_t pid = -1;
  uid_t uid = static_cast<uid_t>(-1);
  gid_t gid = static_cast<gid_t>(-1);
};
Result<PeerCredentials> peer_credentials(int socket);

}  // namespace dovetail::net
