// SPDX-License-Identifier: Apache-2.0
#include "mta/flush/flush.h"

#include <sys/stat.h>
#include <utime.h>

#include <cerrno>
#include <cstring>

#include "common/base/text.h"
#include "common/mail/address.h"
#include "common/mail/queue_id.h"
#include "conf/bind.h"
#include "mta/queue/queue_file.h"
#include "mta/queue/trigger.h"

namespace dovetail::mta {

namespace {

struct FlushParameters {
  std::string hash_queue_names, fast_flush_domains, queue_service_name,
      parent_domain_matches_subdomains;
  int hash_queue_depth = 1;
};
constexpr conf::Bind<FlushParameters> kFlushBindings[] = {
    {"hash_queue_names", &FlushParameters::hash_queue_names},
    {"hash_queue_depth", &FlushParameters::hash_queue_depth},
    {"fast_flush_domains", &FlushParameters::fast_flush_domains},
    {"queue_service_name", &FlushParameters::queue_service_name},
    {"parent_domain_matches_subdomains", &FlushParameters::parent_domain_matches_subdomains},
};
constexpr mode_t kUnthrottle =
    S_IRGRP;  // the queue manager's mark: dead destinations are tried all the same

bool names_parents(const FlushParameters& parameters) {
  for (std::string_view word :
       base::words(parameters.parent_domain_matches_subdomains, ", \t\r\n")) {
    if (word == "fast_flush_domains") return true;
  }
  return false;
}

}  // namespace

FlushAnswer release_deferred(const QueueDirectories& directories, std::string_view queue_id,
                             const Logger& log) {
  std::string path = directories.path("deferred", queue_id);
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) {
    // In delivery, delivered or deleted meanwhile: nothing is left to do.
    if (errno == ENOENT) return FlushAnswer::ok;
    log.warning("{}: {}", path, strerror(errno));
    return FlushAnswer::failed;
  }
  bool marked = utime(path.c_str(), nullptr) == 0 &&
                chmod(path.c_str(), (status.st_mode & 07777) | kUnthrottle) == 0;
  if (!marked && errno != ENOENT) log.warning("{}: {}", path, strerror(errno));
  if (!marked) return errno == ENOENT ? FlushAnswer::ok : FlushAnswer::failed;
  auto moved = directories.rename(queue_id, "deferred", "incoming");
  if (!moved && base::file_exists(path)) {
    log.warning("{}", moved.error().text);
    return FlushAnswer::failed;
  }
  return FlushAnswer::ok;
}

bool goes_to_site(const QueueDirectories& directories, std::string_view queue_id,
                  std::string_view site) {
  auto fd = directories.open("deferred", queue_id, O_RDONLY);
  if (!fd || !*fd) return false;
  auto message = read_envelope((*fd)->get());
  if (!message) return false;
  for (const mail::Recipient& rcpt : message->envelope.recipients) {
    auto [local, domain] = mail::split_address(rcpt.address);
    if (domain && base::iequals(*domain, site)) return true;
  }
  return false;
}

Result<void> FlushRole::prepare(service::Context& context) {
  auto parameters = conf::read(*context.main_cf, kFlushBindings);
  if (!parameters) return parameters.error();
  lookup::OpenOptions options{.log = context.log};
  options.surrogate = true;  // a table that cannot be opened makes -s wait, not -i
  auto sites =
      lookup::MatchList::open(context.loop, *context.main_cf, "fast_flush_domains",
                              parameters->fast_flush_domains, names_parents(*parameters), options);
  if (!sites) return sites.error();
  sites_ = std::move(*sites);
  directories_ = std::make_unique<QueueDirectories>("", parameters->hash_queue_names,
                                                    parameters->hash_queue_depth);
  disk_ = std::make_unique<net::Pool>(context.loop, 2);
  queue_manager_ = "public/" + parameters->queue_service_name;
  return {};
}

Task<> FlushRole::serve(service::Context& context, service::Client client) {
  Conn conn(context.loop, std::move(client.fd));
  conn.set_timeout(base::Seconds(3600));
  proto::Attributes greeting;
  greeting.add("protocol", "queue_flush_protocol");
  proto::put_attributes(conn, greeting);
  co_await conn.flush();
  auto request = co_await proto::read_attributes(conn, 4096);
  FlushAnswer status = FlushAnswer::bad;
  if (request) status = co_await answer(context, *request);
  proto::Attributes reply;
  reply.add_number("status", static_cast<int>(status));
  proto::put_attributes(conn, reply);
  co_await conn.flush();
}

Task<FlushAnswer> FlushRole::answer(service::Context& context, const proto::Attributes& request) {
  std::string_view what = request.get("request");
  // Also the parent's wake-ups: nothing is kept that could grow old.
  if (what == "add" || what == "refresh" || what == "purge") co_return FlushAnswer::ok;
  if (what == "send_file") {
    std::string queue_id(request.get("queue_id"));
    auto status = co_await send_file(context, std::move(queue_id));
    co_return status;
  }
  if (what == "send_site") {
    std::string site(request.get("site"));
    auto status = co_await send_site(context, std::move(site));
    co_return status;
  }
  context.log.warning("unknown request: {}", base::printable(what));
  co_return FlushAnswer::bad;
}

Task<FlushAnswer> FlushRole::send_file(service::Context& context, std::string queue_id) {
  if (!mail::is_queue_id(queue_id)) co_return FlushAnswer::bad;
  // What has just been tried is on its way back from active: it is asked for because its delay was seen in the log.
  constexpr int kPatience = 10;
  for (int i = 0; i < kPatience && base::file_exists(directories_->path("active", queue_id)); ++i) {
    co_await context.loop.sleep(base::Milliseconds(100));
  }
  auto release = [this, &queue_id, &context] {
    return release_deferred(*directories_, queue_id, context.log);
  };
  auto status = co_await disk_->run(release);
  wake_queue_manager();
  co_return status;
}

Task<FlushAnswer> FlushRole::send_site(service::Context& context, std::string site) {
  if (site.empty()) co_return FlushAnswer::bad;
  auto listed = co_await sites_.match_domain(site);
  if (!listed) {
    context.log.warning("fast_flush_domains: {}", listed.error().text);
    co_return FlushAnswer::failed;
  }
  if (!*listed) co_return FlushAnswer::denied;
  auto list = [this] { return directories_->list("deferred"); };
  auto ids = co_await disk_->run(list);
  if (!ids) co_return FlushAnswer::failed;
  for (const std::string& id : *ids) {
    auto release = [this, &id, &site, &context] {
      return goes_to_site(*directories_, id, site)
                 ? release_deferred(*directories_, id, context.log)
                 : FlushAnswer::ok;
    };
    co_await disk_->run(release);
  }
  wake_queue_manager();
  co_return FlushAnswer::ok;
}

void FlushRole::wake_queue_manager() {
  trigger_service(queue_manager_, "I");
}

}  // namespace dovetail::mta
