// Binding: the only part of a parent that touches the outside world's names.
// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "common/base/text.h"
#include "common/net/listen.h"
#include "common/service/supervisor.h"

namespace dovetail::service {

using base::Fd;

std::string ListenerSpec::key() const {
  switch (kind) {
    case Kind::inet:
      return format("inet:{}:{}", address.host(), address.port());
    case Kind::unix_stream:
      return "unix:" + path;
    case Kind::unix_datagram:
      return "dgram:" + path;
    case Kind::fifo:
      break;
  }
  return "fifo:" + path;
}

namespace {

// Owner and mode are set on the node before anyone can connect with rights he should not have.
Result<void> own_listener(const ListenerSpec& spec) {
  bool change = spec.uid != static_cast<uid_t>(-1) || spec.gid != static_cast<gid_t>(-1);
  if (change && ::geteuid() == 0 && ::lchown(spec.path.c_str(), spec.uid, spec.gid) != 0) {
    return errno_error("chown " + spec.path, errno);
  }
  if (::chmod(spec.path.c_str(), spec.mode) != 0) return errno_error("chmod " + spec.path, errno);
  return {};
}

Result<Fd> bind_fifo(const ListenerSpec& spec) {
  struct stat st {};
  if (::lstat(spec.path.c_str(), &st) == 0 && !S_ISFIFO(st.st_mode)) ::unlink(spec.path.c_str());
  if (::mkfifo(spec.path.c_str(), spec.mode) != 0 && errno != EEXIST)
    return errno_error("mkfifo " + spec.path, errno);
  // Read and write: without a writer of our own the reader would see end of file after each visitor.
  return base::open_file(spec.path, O_RDWR | O_NONBLOCK);
}

Result<Fd> bind_datagram(const ListenerSpec& spec) {
  auto address = SockAddr::unix_path(spec.path);
  if (!address) return config_error("unix socket path too long: " + spec.path);
  ::unlink(spec.path.c_str());
  Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return errno_error("socket", errno);
  if (::bind(fd.get(), address->get(), address->length()) != 0)
    return errno_error("bind " + spec.path, errno);
  return fd;
}

}  // namespace

Result<Fd> bind_listener(const ListenerSpec& spec) {
  if (spec.kind == ListenerSpec::Kind::inet) return net::listen_inet(spec.address, spec.backlog);
  Result<Fd> fd = spec.kind == ListenerSpec::Kind::fifo ? bind_fifo(spec)
                  : spec.kind == ListenerSpec::Kind::unix_datagram
                      ? bind_datagram(spec)
                      : net::listen_unix(spec.path, 0600, spec.backlog);
  if (!fd) return fd;
  auto owned = own_listener(spec);
  if (!owned) return owned.error();
  return fd;
}

}  // namespace dovetail::service
