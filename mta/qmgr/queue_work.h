// What qmgr does with queue files, in the pool and for many messages in one trip: bringing them into active with their
// envelopes, and removing those that are done. Blocking; knows no recipients and no schedule.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "mta/queue/directories.h"
#include "mta/queue/queue_file.h"

namespace dovetail::mta {

// An envelope that was read under qmgr's lock.
struct Loaded {
  bool locked = true;  // false: an agent of an earlier queue manager still delivers the message
  Result<QueueMessage> message = temporary("queue file was not read");
};
Loaded load_message(const QueueDirectories& directories, const std::string& queue_id,
                    const ReadOptions& options);

// A file of another queue on its way into active.
struct Taken {
  std::string queue_id;
  bool due = false;  // false: not complete yet, or not its time: it stays where it is
  bool corrupt = false, unthrottle = false, expire = false;  // marks in the file's mode
  Result<void> moved;
  Loaded loaded;
};
void take_message(const QueueDirectories& directories, const std::string& queue, bool ignore_time,
                  const ReadOptions& options, Taken& taken);

// A message whose attempt is over. Where a notice is owed, or somebody was deferred, it stays.
struct Ending {
  std::string queue_id;
  bool all_done = false;
  bool bounce_log = false,
       trace_log =
           false;  // found; they may also be left over from an attempt that ended in a crash
  bool removed = false;
  Result<void> done = temporary("queue file was not removed");
};
void end_message(const QueueDirectories& directories, Ending& ending);
Result<void> remove_queue_file(const QueueDirectories& directories, const std::string& queue_id);

}  // namespace dovetail::mta
