// Takes messages from the maildrop through cleanup into the queue. A file is removed only after its message is committed, so a
// crash in between delivers it twice rather than never. Manual: pickup(8).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "common/base/log.h"
#include "common/net/loop.h"
#include "mta/cleanup/cleanup.h"
#include "mta/queue/directories.h"
#include "mta/queue/queue_file.h"

namespace dovetail::conf {
class MainCf;
}

namespace dovetail::mta {

struct PickupOptions {
  std::string root;  // in front of queue paths; empty in the daemon
  std::string myhostname, mail_name, content_filter;
  unsigned cleanup_flags = kCleanupMaskExternal;
  uid_t owner = 0;  // mail_owner: files of his (postsuper -r) may hold every record type
};
Result<PickupOptions> read_pickup_options(const conf::MainCf& main_cf);

class Pickup {
 public:
  Pickup(net::Loop& loop, CleanupService& service, PickupOptions options, const Logger& log);
  // One pass over the maildrop; how many messages went into the queue.
  Task<size_t> scan();

 private:
  struct Source {  // one maildrop file
    std::string id, path;
    Fd fd;
    struct stat status {};
    std::unique_ptr<RecordReader> reader;
    bool trusted = false;
  };
  enum class Done { queued, keep, corrupt };
  Task<> take(std::string id, size_t* queued);
  Result<bool> open_source(Source& source);
  Task<Done> copy(Source& source);
  Task<Done> feed(Source& source, Cleanup& cleanup);
  Task<> begin_content(const Source& source, Cleanup& cleanup);

  net::Loop& loop_;
  CleanupService& service_;
  PickupOptions options_;
  Logger log_;
  QueueDirectories directories_;
  net::Pool disk_;
};

}  // namespace dovetail::mta
