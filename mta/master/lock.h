// Two masters never share a queue: three flocks (design.md 3), so that removing a lock file admits nobody.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "common/base/file.h"
#include "common/base/result.h"

namespace dovetail::mta {

class MasterLock {
 public:
  // Takes $queue_directory/pid/master.pid, $data_directory/master.lock and the queue directory itself. The error has the
  // incumbent's text; `holder` then says who holds it, if that can be found out.
  static Result<MasterLock> take(const std::string& queue_directory,
                                 const std::string& data_directory, std::string& holder);
  // Whether some master runs on this queue (master -t), without taking anything.
  static bool is_held(const std::string& queue_directory);
  // The PID in master.pid; nullopt if there is none.
  static std::optional<pid_t> read_pid(const std::string& queue_directory);

  // Writes our PID into master.pid; after the process has become a daemon.
  Result<void> write_pid();

 private:
  base::Fd pid_file_, data_lock_, queue_;
};

}  // namespace dovetail::mta
