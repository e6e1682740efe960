// Where queue files are: $queue_directory/incoming, active, deferred, ..., with hashed
// sub-directories for those named in hash_queue_names (deferred/C/ID). Paths are relative to the
// queue directory, the daemons' working directory, unless a root is given. Blocking calls: cheap
// metadata only, on the loop or a pool.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/file.h"
#include "common/base/result.h"

namespace dovetail::mta {

class QueueDirectories {
 public:
  // root: empty or a directory. hash_queue_names: "deferred, defer"; depth: hash_queue_depth.
  QueueDirectories(std::string root, std::string_view hash_queue_names, int depth);

  bool is_hashed(std::string_view queue) const { return hashed_.contains(queue); }
  // "deferred/C/4jWDcb5mcQz1f55y"
  std::string path(std::string_view queue, std::string_view queue_id) const;
  // "deferred/C", what must be fsynced after a rename into it.
  std::string directory(std::string_view queue, std::string_view queue_id) const;
  // Moves a file between queues; creates a missing hash directory (mode 0700) and tries again.
  Result<void> rename(std::string_view queue_id, std::string_view from, std::string_view to) const;
  // The same for a file that has no queue id for its name yet.
  Result<void> rename_path(const std::string& from_path, std::string_view queue_id,
                           std::string_view to) const;
  // Opens ID in a queue; nullopt: not there.
  Result<std::optional<Fd>> open(std::string_view queue, std::string_view queue_id, int flags,
                                 mode_t mode = 0600) const;
  // false: was not there.
  Result<bool> remove(std::string_view queue, std::string_view queue_id) const;
  // In which of these queues the file is (first hit, asked in turn); for postcat, postsuper, flush.
  std::optional<std::string> find(std::string_view queue_id,
                                  const std::vector<std::string_view>& queues) const;
  // Ids in a queue, hashed or not, in directory order; names that are no queue ids are left out.
  Result<std::vector<std::string>> list(std::string_view queue) const;
  const std::string& root() const { return root_; }

 private:
  std::string root_;  // "" or with a final slash
  std::set<std::string, std::less<>> hashed_;
  int depth_;
};

// The queues that hold messages, in the incumbent's search order.
const std::vector<std::string_view>& message_queues();

}  // namespace dovetail::mta
