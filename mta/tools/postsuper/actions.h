// What postsuper does to queue files: delete, hold, release, requeue, expire, and setting right what crashes and copying
// leave behind. Every step is one rename, chmod or unlink: the mail system may run meanwhile. Manual: postsuper(1).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/log.h"
#include "mta/queue/directories.h"

namespace dovetail::mta {

enum class SuperAction { remove, requeue, hold, expire, release, expire_and_release };

// Message queues and the queues of logs, in the order they are looked at.
const std::vector<std::string_view>& super_queues();
bool is_log_queue(std::string_view queue);

class SuperActions {
 public:
  // queues: those the administrator named; empty: the default ones of each action.
  SuperActions(const QueueDirectories& directories, std::vector<std::string> queues,
               const Logger& log)
      : directories_(directories), queues_(std::move(queues)), log_(log) {}

  // One message; a line for it if something was done.
  void one(SuperAction action, std::string_view queue_id);
  // Every message of the queues; no line for each.
  void all(SuperAction action);

  struct Counts {
    unsigned removed = 0, requeued = 0, held = 0, expired = 0, released = 0;
  };
  const Counts& counts() const { return counts_; }

 private:
  bool act(SuperAction action, std::string_view queue, std::string_view queue_id, bool tell);
  bool move(std::string_view queue_id, std::string_view from, std::string_view to);
  bool remove(std::string_view queue, std::string_view queue_id);
  bool mark_expired(std::string_view queue, std::string_view queue_id);
  std::vector<std::string_view> queues_for(SuperAction action) const;

  const QueueDirectories& directories_;
  std::vector<std::string> queues_;
  Logger log_;
  Counts counts_;
};

// -s and -p over one queue: temporary files older than a week are removed, files that lie in the wrong hash directory are
// moved, short queue ids that do not tell the file's inode any more are renamed with their logs. The error is fatal.
struct StructureCheck {
  bool purge = true, structure = true;
  unsigned renamed = 0;
  Result<void> run(const QueueDirectories& directories, std::string_view queue, const Logger& log);

 private:
  Result<void> scan(const QueueDirectories& directories, std::string_view queue,
                    const std::string& path, const Logger& log);
  Result<void> look_at(const QueueDirectories& directories, std::string_view queue,
                       const std::string& path, const Logger& log);
};

}  // namespace dovetail::mta
