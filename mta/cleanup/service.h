// The inside of CleanupService: what every message of one service line shares.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "mta/cleanup/cleanup.h"
#include "mta/cleanup/parameters.h"
#include "mta/queue/directories.h"
#include "mta/queue/queue_file.h"
#include "mta/queue/trigger.h"
#include "mta/resolve/resolve.h"

namespace dovetail::mta {

// is_local of mydestination and interfaces for table searches.
class ResolverDomains : public lookup::LocalDomains {
 public:
  explicit ResolverDomains(Resolver& resolver) : resolver_(resolver) {}
  Task<Result<bool>> is_local(std::string_view domain) override;

 private:
  Resolver& resolver_;
};

class CleanupServiceImpl : public CleanupService {
 public:
  CleanupServiceImpl(net::Loop& loop, CleanupParameters parameters, CleanupTables tables,
                     std::unique_ptr<Resolver> resolver, std::string root, const Logger& log);
  Result<bool> has_queue_space() const override;

  const CleanupParameters parameters;
  const CleanupTables tables;
  const std::unique_ptr<Resolver> resolver;
  const std::string root;  // in front of queue paths; empty in daemons
  const QueueDirectories directories;
  std::vector<std::string> not_obeyed;  // parameters that hold mail back (design.md 3)
  const Logger log;
  net::Loop& loop;
  QueueDisk disk;
  Trigger qmgr;
  ResolverDomains local_domains;
};

}  // namespace dovetail::mta
