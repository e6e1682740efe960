// SPDX-License-Identifier: Apache-2.0
#include "mta/queue/trigger.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/net/address.h"

namespace dovetail::mta {

namespace {

base::Fd connect_trigger(const std::string& path) {
  auto address = net::SockAddr::unix_path(path);
  base::Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!address || !socket || ::connect(socket.get(), address->get(), address->length()) != 0)
    return base::Fd();
  return socket;
}

bool send_trigger(int socket, std::string_view bytes) {
  return ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
         static_cast<ssize_t>(bytes.size());
}

}  // namespace

bool trigger_service(const std::string& path, std::string_view bytes) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return false;
  if (S_ISFIFO(status.st_mode)) {
    base::Fd fifo(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    return fifo &&
           ::write(fifo.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
  }
  auto socket = connect_trigger(path);
  return socket && send_trigger(socket.get(), bytes);
}

bool Trigger::send(std::string_view bytes) {
  auto now = base::monotonic_now();
  bool open = socket_ && now - used_ < kSurelyOpen;
  used_ = now;
  if (open && send_trigger(socket_.get(), bytes)) return true;
  socket_ = connect_trigger(path_);
  // A fifo, or nobody there.
  return socket_ ? send_trigger(socket_.get(), bytes) : trigger_service(path_, bytes);
}

}  // namespace dovetail::mta
