// Looks at a few files from time to time and tells when they have changed: certificates and keys. It asks stat() instead of
// inotify: that also sees what lies behind symbolic links (as ACME clients keep certificates) and on a network file system,
// and costs a handful of calls. A change is told when the files have been the same for two looks, so that a certificate and its key may be written one
// after the other.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <tuple>

#include "common/net/loop.h"

namespace dovetail::service {

class FileWatch {
 public:
  FileWatch(Loop& loop, std::chrono::milliseconds period, std::function<void()> changed);
  // From now on these files; as they are now they are known.
  void watch(const std::set<std::string>& paths);
  // One look; the timer's, public for tests.
  void look();

 private:
  // device, inode, size, mtime and ctime in nanoseconds; all 0: not there
  using Mark = std::tuple<uint64_t, uint64_t, int64_t, int64_t, int64_t>;
  using Marks = std::map<std::string, Mark>;
  Marks marks() const;

  std::chrono::milliseconds period_;
  std::function<void()> changed_;
  std::set<std::string> paths_;
  Marks known_, seen_;
  net::Timer timer_;
};

}  // namespace dovetail::service
