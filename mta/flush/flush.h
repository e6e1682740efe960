// flush: one message (postqueue -i) or all mail for a site (postqueue -s, ETRN) is tried at once: its files go from deferred
// to incoming with the mark that dead destinations do not hold them up, and the queue manager is woken. The incumbent keeps
// lists of queue IDs per site, fed by the agents; here a site's messages are found by reading the deferred queue, so "add",
// "refresh" and "purge" have nothing to do. Wire form: the incumbent's queue_flush_protocol. Manual: flush(8).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "common/net/conn.h"
#include "common/net/pool.h"
#include "common/proto/attr.h"
#include "common/service/service.h"
#include "lookup/match_list.h"
#include "mta/queue/directories.h"

namespace dovetail::mta {

enum class FlushAnswer { failed = -1, ok = 0, bad = 1, denied = 2 };

// Moves one deferred message; ok also if there is none of that name any more. Blocking.
FlushAnswer release_deferred(const QueueDirectories& directories, std::string_view queue_id,
                             const Logger& log);
// Whether some recipient that is still to be delivered to is at the site ("[...]": the address literal itself). Blocking.
bool goes_to_site(const QueueDirectories& directories, std::string_view queue_id,
                  std::string_view site);

class FlushRole : public service::Role {
 public:
  Result<void> prepare(service::Context& context) override;
  Task<> serve(service::Context& context, service::Client client) override;

 private:
  Task<FlushAnswer> answer(service::Context& context, const proto::Attributes& request);
  Task<FlushAnswer> send_file(service::Context& context, std::string queue_id);
  Task<FlushAnswer> send_site(service::Context& context, std::string site);
  void wake_queue_manager();

  std::unique_ptr<QueueDirectories> directories_;
  std::unique_ptr<net::Pool> disk_;
  lookup::MatchList sites_;
  std::string queue_manager_;
};

}  // namespace dovetail::mta
