// See file_bytes.h.
// SPDX-License-Identifier: Apache-2.0
#include "mda/message/file_bytes.h"

#include <unistd.h>

#include <cerrno>

namespace dovetail::mda {

Result<std::string> read_bytes_at(int fd, uint64_t offset, uint64_t count) {
  std::string bytes(static_cast<size_t>(count), '\0');
  size_t have = 0;
  while (have < bytes.size()) {
    ssize_t got =
        pread(fd, bytes.data() + have, bytes.size() - have, static_cast<off_t>(offset + have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_error("read message", errno);
    if (got == 0) break;
    have += static_cast<size_t>(got);
  }
  bytes.resize(have);
  return bytes;
}

}  // namespace dovetail::mda
