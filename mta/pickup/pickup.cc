// SPDX-License-Identifier: Apache-2.0
#include "mta/pickup/pickup.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "common/base/text.h"
#include "common/mail/date.h"
#include "common/mail/queue_id.h"
#include "conf/bind.h"
#include "mta/cleanup/record_feed.h"

namespace dovetail::mta {

namespace {

constexpr size_t kAtOnce = 4;          // messages under way together
constexpr size_t kBatchBytes = 65536;  // of records read in one job
constexpr unsigned kDiskThreads = 2;
constexpr RecordFeed::Allowed kFromUsers{"TMFSRVAin", kMaildropContentTypes,
                                         kMaildropExtractedTypes};
constexpr RecordFeed::Allowed kFromOwner{kEnvelopeTypes, kContentTypes, kExtractedTypes};
// What a later attempt can heal; everything else is the message's own fault.
constexpr unsigned kRetryStatus = kCleanupDefer | kCleanupWrite | kCleanupProxy | kCleanupBad;

using Records = std::vector<Record>;

// Up to 64 KiB of records. An empty list: the file ended.
Result<Records> read_pickup_batch(RecordReader& reader) {
  Records records;
  for (size_t bytes = 0; bytes < kBatchBytes;) {
    auto record = reader.next();
    if (!record) return record.error();
    if (!*record) break;
    bytes += (*record)->data.size() + sizeof(Record);
    bool end = (*record)->type == kRecEnd;
    records.push_back(std::move(**record));
    if (end) break;
  }
  return records;
}

}  // namespace

Result<PickupOptions> read_pickup_options(const conf::MainCf& main_cf) {
  PickupOptions options;
  options.myhostname = main_cf.get("myhostname");
  options.mail_name = main_cf.get("mail_name");
  options.content_filter = main_cf.get("content_filter");
  auto flags = external_cleanup_flags(main_cf.get("receive_override_options"));
  if (!flags) return flags.error();
  options.cleanup_flags = *flags;
  std::string owner = main_cf.get("mail_owner");
  const passwd* entry = getpwnam(owner.c_str());
  options.owner = entry ? entry->pw_uid : getuid();
  return options;
}

Pickup::Pickup(net::Loop& loop, CleanupService& service, PickupOptions options, const Logger& log)
    : loop_(loop),
      service_(service),
      options_(std::move(options)),
      log_(log),
      directories_(options_.root, "", 1),
      disk_(loop, kDiskThreads) {}

Task<size_t> Pickup::scan() {
  size_t queued = 0;
  std::string directory = directories_.root() + "maildrop";
  auto job = [&directory] { return base::list_directory(directory); };
  auto names = co_await disk_.run(job);
  if (!names) {
    log_.warning("{}", names.error().text);
    co_return queued;
  }
  for (size_t first = 0; first < names->size(); first += kAtOnce) {
    std::vector<Task<>> tasks;
    for (size_t i = first; i < std::min(names->size(), first + kAtOnce); ++i) {
      if (mail::is_queue_id((*names)[i])) tasks.push_back(take((*names)[i], &queued));
    }
    co_await net::when_all(loop_, std::move(tasks));
  }
  co_return queued;
}

// false: not (yet) a message: still being written, gone, or no plain file.
Result<bool> Pickup::open_source(Source& source) {
  source.path = directories_.path("maildrop", source.id);
  source.fd = Fd(open(source.path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!source.fd) {
    if (errno == ENOENT) return false;
    return errno_error("open " + source.path, errno);
  }
  if (fstat(source.fd.get(), &source.status) != 0)
    return errno_error("fstat " + source.path, errno);
  if (!S_ISREG(source.status.st_mode) || source.status.st_nlink != 1) {
    log_.warning("{}: uid {}: not a regular file with one link", source.path, source.status.st_uid);
    return false;
  }
  if (!(source.status.st_mode & S_IXUSR)) return false;
  source.trusted = source.status.st_uid == options_.owner;
  source.reader = std::make_unique<RecordReader>(source.fd.get(), 0, source.trusted);
  return true;
}

Task<> Pickup::take(std::string id, size_t* queued) {
  Source source;
  source.id = std::move(id);
  Source* raw = &source;
  auto job = [this, raw] { return open_source(*raw); };
  auto opened = co_await disk_.run(job);
  if (!opened) {
    log_.warning("{}", opened.error().text);
    co_return;
  }
  if (!*opened) co_return;
  Done done = co_await copy(source);
  if (done == Done::keep) co_return;
  if (done == Done::corrupt) {
    log_.warning("{}: moved to corrupt", source.path);
    auto moved = directories_.rename(source.id, "maildrop", "corrupt");
    if (!moved) log_.warning("{}", moved.error().text);
    co_return;
  }
  auto removed = directories_.remove("maildrop", source.id);
  if (!removed) log_.warning("{}", removed.error().text);
  ++*queued;
}

Task<Pickup::Done> Pickup::copy(Source& source) {
  Cleanup cleanup(service_, options_.cleanup_flags | kCleanupBounce);
  auto opened = co_await cleanup.open();
  if (!opened) co_return Done::keep;
  Done fed = co_await feed(source, cleanup);
  if (fed != Done::queued) co_return fed;
  auto result = co_await cleanup.finish();
  if (result.ok()) co_return Done::queued;
  bool retry = result.status & kRetryStatus;
  log_.warning("{}: message not accepted: {}", source.path, result.smtp_reply().text);
  co_return retry ? Done::keep : Done::corrupt;
}

// What the message carries from here: the filter of this service, the Received line, the log line.
Task<> Pickup::begin_content(const Source& source, Cleanup& cleanup) {
  mail::Envelope& envelope = cleanup.envelope();
  envelope.arrival = base::Wall{source.status.st_mtim.tv_sec, source.status.st_mtim.tv_nsec / 1000};
  envelope.log_ident.clear();
  envelope.log_origin = "local";
  if (envelope.filter.empty()) envelope.filter = options_.content_filter;
  log_.info("{}: uid={} from=<{}>", cleanup.queue_id(), source.status.st_uid,
            base::printable(envelope.sender, true));
  co_await cleanup.end_envelope();
  cleanup.put_own_header(format("Received: by {} ({}, from userid {})\n\tid {}; {}",
                                options_.myhostname, options_.mail_name, source.status.st_uid,
                                cleanup.queue_id(), mail::header_date(envelope.arrival.seconds)));
}

Task<Pickup::Done> Pickup::feed(Source& source, Cleanup& cleanup) {
  RecordFeed feed(cleanup, source.trusted ? kFromOwner : kFromUsers);
  RecordReader* reader = source.reader.get();
  for (;;) {
    auto job = [reader] { return read_pickup_batch(*reader); };
    auto batch = co_await disk_.run(job);
    if (!batch) {
      log_.warning("{}: {}", source.path, batch.error().text);
      co_return batch.error().fault == Fault::permanent ? Done::corrupt : Done::keep;
    }
    if (batch->empty()) {
      log_.warning("{}: unexpected end of file", source.path);
      co_return Done::corrupt;
    }
    for (const Record& record : *batch) {
      auto state = feed.add(record);
      if (state == RecordFeed::State::envelope_done) co_await begin_content(source, cleanup);
      if (state == RecordFeed::State::settle) co_await cleanup.settle();
      if (state == RecordFeed::State::end) co_return Done::queued;
      if (state == RecordFeed::State::bad) {
        log_.warning("{}: {}", source.path, feed.why());
        co_return Done::corrupt;
      }
    }
  }
}

}  // namespace dovetail::mta
