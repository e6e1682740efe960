// Advisory locks with an owner: flock for queue files and master's locks (the incumbent's kind on
// Linux), open-file-description locks for everything new. They vanish with the Fd, crashes
// included.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>

#include "common/base/result.h"

namespace dovetail::base {

enum class LockKind { shared, exclusive };

// Never waits: false means somebody else holds a conflicting lock.
Result<bool> try_flock(int fd, LockKind kind);
Result<bool> try_ofd_lock(int fd, LockKind kind);
Result<void> ofd_unlock(int fd);
// A classic POSIX record lock over the whole file, as the incumbents take on mboxes and pid files.
Result<bool> try_fcntl_lock(int fd, LockKind kind);
// Who holds a conflicting POSIX lock, if anyone.
std::optional<pid_t> fcntl_lock_holder(int fd);

}  // namespace dovetail::base
