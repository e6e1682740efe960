// SPDX-License-Identifier: Apache-2.0
#include "mta/local/spawn.h"

#include "common/base/text.h"
#include "conf/bind.h"
#include "mta/local/pipe.h"

namespace dovetail::mta {

Result<void> SpawnRole::prepare(service::Context& context) {
  auto workshop = Workshop::open(context);
  if (!workshop) return workshop.error();
  workshop_ = std::move(*workshop);
  // The grammar is pipe's; only these two words have a meaning here.
  auto service = parse_pipe_service(context.arguments);
  if (!service) return service.error();
  for (auto& word : context.arguments) {
    if (word.starts_with("argv=")) break;
    if (!word.starts_with("user=")) return config_error("unknown attribute: " + word);
  }
  argv_ = service->argv;
  auto rights = command_rights(service->user, service->group);
  if (!rights) return rights.error();
  rights_ = *rights;
  auto allowed = workshop_->check(rights_);
  if (!allowed) return allowed.error();
  auto& cf = *context.main_cf;
  auto limit = conf::read_time(cf, context.service + "_time_limit");
  if (!limit) limit = conf::read_time(cf, "command_time_limit");
  if (!limit) return limit.error();
  time_limit_ = limit->count();
  return workshop_->confine_front();
}

Task<> SpawnRole::serve(service::Context& context, service::Client client) {
  Job job;
  job.kind = Job::Kind::serve;
  job.argv = argv_;
  job.environment = workshop_->command_environment();
  job.directory = context.main_cf->get("queue_directory");
  job.time_limit = time_limit_;
  auto result = co_await workshop_->serve(rights_, job, std::move(client.fd));
  if (!result.done)
    context.log.warning("command {}: {}", argv_[0], base::printable(result.failure.text));
}

}  // namespace dovetail::mta
