// SPDX-License-Identifier: Apache-2.0
#include "mta/cleanup/cleanup.h"

#include <sys/stat.h>

#include "common/base/text.h"
#include "conf/postfix/common_parameters.h"
#include "conf/postfix/main_cf.h"
#include "mta/cleanup/message.h"

namespace dovetail::mta {

namespace {

constexpr const char* kQmgrSocket = "public/qmgr";
constexpr unsigned kDiskThreads = 8;  // fsync waits; more messages wait in line

// Daemons stand in the queue directory, and in a chroot there is no other way to name it.
std::string queue_root(const std::string& queue_directory) {
  struct stat here {
  }, queue{};
  if (stat(".", &here) == 0 && stat(queue_directory.c_str(), &queue) == 0 &&
      here.st_dev == queue.st_dev && here.st_ino == queue.st_ino)
    return {};
  return queue_directory + '/';
}

}  // namespace

Task<Result<bool>> ResolverDomains::is_local(std::string_view domain) {
  auto found = co_await resolver_.is_local_domain(base::lower(domain));
  co_return found;
}

CleanupServiceImpl::CleanupServiceImpl(net::Loop& on, CleanupParameters given, CleanupTables opened,
                                       std::unique_ptr<Resolver> resolving, std::string in,
                                       const Logger& logger)
    : parameters(std::move(given)),
      tables(std::move(opened)),
      resolver(std::move(resolving)),
      root(std::move(in)),
      directories(root, parameters.hash_queue_names, parameters.hash_queue_depth),
      log(logger),
      loop(on),
      disk(on, kDiskThreads),
      qmgr(root + kQmgrSocket),
      local_domains(*resolver) {}

Result<unsigned> external_cleanup_flags(std::string_view receive_override_options) {
  unsigned flags = kCleanupMaskExternal;
  for (std::string_view word : base::words(receive_override_options, ", \t\r\n")) {
    if (base::iequals(word, "no_address_mappings"))
      flags &= ~unsigned{kCleanupMap | kCleanupBcc};
    else if (base::iequals(word, "no_header_body_checks"))
      flags &= ~unsigned{kCleanupFilter};
    else if (base::iequals(word, "no_milters"))
      flags &= ~unsigned{kCleanupMilter};
    else if (!base::iequals(word, "no_unknown_recipient_checks"))
      return config_error(format("unknown receive_override_options value \"{}\" in \"{}\"", word,
                                 receive_override_options));
  }
  return flags;
}

Result<bool> CleanupServiceImpl::has_queue_space() const {
  return mta::has_queue_space(root + "incoming", parameters.queue_minfree,
                              parameters.message_size_limit);
}

Result<std::unique_ptr<CleanupService>> CleanupService::open(net::Loop& loop,
                                                             const conf::MainCf& main_cf,
                                                             const Logger& log) {
  auto parameters = read_cleanup_parameters(main_cf);
  if (!parameters) return parameters.error();
  auto tables = open_cleanup_tables(loop, main_cf, *parameters, log);
  if (!tables) return tables.error();
  auto resolver = Resolver::open(loop, main_cf, log);
  if (!resolver) return resolver.error();
  auto made = std::make_unique<CleanupServiceImpl>(loop, std::move(*parameters), std::move(*tables),
                                                   std::move(*resolver),
                                                   queue_root(main_cf.get("queue_directory")), log);
  made->not_obeyed = conf::parameters_that_hold_mail(main_cf, "cleanup", log);
  return std::unique_ptr<CleanupService>(std::move(made));
}

// There is one kind of service; the base class only keeps its inside out of the header.
Cleanup::Cleanup(CleanupService& service, unsigned flags)
    : impl_(std::make_unique<Impl>(static_cast<CleanupServiceImpl&>(service), flags)) {}
Cleanup::~Cleanup() = default;

Task<Result<void>> Cleanup::open() {
  return impl_->open();
}
const std::string& Cleanup::queue_id() const {
  return impl_->queue_id;
}
unsigned Cleanup::status() const {
  return impl_->status;
}
mail::Envelope& Cleanup::envelope() {
  return impl_->envelope;
}
void Cleanup::add_flags(unsigned flags) {
  impl_->flags |= flags;
}
void Cleanup::add_recipient(mail::Recipient recipient) {
  impl_->recipients.push_back(std::move(recipient));
}
void Cleanup::add_bcc(std::string address) {
  impl_->add_bcc(std::move(address));
}
void Cleanup::add_late_recipient(mail::Recipient recipient) {
  impl_->add_late_recipient(std::move(recipient));
}
size_t Cleanup::recipient_count() const {
  return impl_->recipients.size();
}
Task<> Cleanup::end_envelope() {
  return impl_->end_envelope();
}
bool Cleanup::put_line(std::string_view text, bool complete) {
  return impl_->put_line(text, complete);
}
Task<> Cleanup::settle() {
  return impl_->settle();
}
void Cleanup::put_own_header(std::string_view logical) {
  impl_->put_own_header(logical);
}
Task<CleanupResult> Cleanup::finish() {
  return impl_->finish();
}
void Cleanup::abort() {
  impl_->abort();
}

}  // namespace dovetail::mta
