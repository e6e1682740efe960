// SPDX-License-Identifier: Apache-2.0
#include "mta/queue/queue_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <map>

#include "common/base/text.h"
#include "common/mail/queue_id.h"

namespace dovetail::mta {

namespace {

constexpr size_t kSizeRecordData = 6 * 15 + 5;
constexpr size_t kSizeRecordHead = 2;  // type and length byte
constexpr size_t kCommitsTogether = 64;
constexpr unsigned kCommitLanes = 2;  // one waits for the disk while the other one is made ready
// A message larger than this is brought to the disk before it joins the others, which must not wait for it.
constexpr off_t kCommitAlone = off_t{1} << 20;

// Names of files that have no id yet; postsuper removes those a crash left.
std::string temporary_name(const base::Wall& now) {
  static std::atomic<unsigned> counter = 0;
  return format("{}.{}.{}", now.microseconds, getpid(), counter++);
}

Result<void> pwrite_all(int fd, off_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t done = pwrite(fd, bytes.data(), bytes.size(), offset);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return errno_error("write queue file", errno);
    bytes.remove_prefix(static_cast<size_t>(done));
    offset += done;
  }
  return {};
}

}  // namespace

std::string SizeRecord::text() const {
  return format("{:15d} {:15d} {:15d} {:15d} {:15d} {:15d}", content_size, data_offset,
                recipient_count, qmgr_flags, message_size, smtputf8);
}

SizeRecord SizeRecord::parse(std::string_view text) {
  auto numbers = base::words(text);
  auto number = [&](size_t index) {
    return index < numbers.size() ? base::parse_number<int64_t>(numbers[index]).value_or(0) : 0;
  };
  SizeRecord size;
  size.content_size = number(0);
  size.data_offset = number(1);
  size.recipient_count = number(2);
  size.qmgr_flags = static_cast<int>(number(3));
  size.message_size = number(4);
  size.smtputf8 = static_cast<int>(number(5));
  return size;
}

QueueFile::QueueFile(QueueDisk& disk, const QueueDirectories& directories, QueueFileOptions options)
    : disk_(disk),
      directories_(directories),
      options_(std::move(options)),
      queue_(options_.queue) {}

QueueFile::~QueueFile() {
  abort();
}

Task<Result<std::unique_ptr<QueueFile>>> QueueFile::create(QueueDisk& disk,
                                                           const QueueDirectories& directories,
                                                           QueueFileOptions options) {
  std::unique_ptr<QueueFile> file(new QueueFile(disk, directories, std::move(options)));
  QueueFile* raw = file.get();
  auto job = [raw] { return raw->create_now(); };
  auto created = co_await disk.pool().run(job);
  if (!created) co_return created.error();
  co_return std::move(file);
}

Result<void> QueueFile::create_now() {
  std::string temporary;
  for (int attempt = 0; !fd_; ++attempt) {
    arrival_ = base::wall_now();
    temporary = directories_.root() + queue_ + '/' + temporary_name(arrival_);
    fd_ = Fd(::open(temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, options_.mode));
    if (!fd_ && (errno != EEXIST || attempt > 100))
      return errno_error("create file " + temporary, errno);
  }
  struct stat status {};
  if (fstat(fd_.get(), &status) != 0) {
    int error = errno;
    unlink(temporary.c_str());
    return errno_error("fstat " + temporary, error);
  }
  queue_id_ = mail::make_queue_id(arrival_, status.st_ino, options_.long_ids);
  auto renamed = directories_.rename_path(temporary, queue_id_, queue_);
  if (!renamed) {
    unlink(temporary.c_str());
    queue_id_.clear();
    return renamed.error();
  }
  return {};
}

void QueueFile::put_attribute(std::string_view name, std::string_view value) {
  std::string text(name);
  text += '=';
  text += value;
  put(kRecAttr, text);
}

void QueueFile::put_line(std::string_view text, bool complete) {
  while (text.size() > options_.line_length_limit) {
    put(kRecContinued, text.substr(0, options_.line_length_limit));
    text.remove_prefix(options_.line_length_limit);
  }
  if (complete)
    put(kRecNormal, text);
  else if (!text.empty())
    put(kRecContinued, text);
}

void QueueFile::put_size() {
  put(kRecSize, std::string(kSizeRecordData, ' '));
}

Result<void> QueueFile::write_now() {
  if (failed_) return temporary("write queue file: earlier error");
  if (options_.size_limit > 0 && offset() > options_.size_limit) {
    failed_ = true;
    return permanent("File too large");
  }
  auto done = pwrite_all(fd_.get(), written_, pending_);
  if (!done) {
    failed_ = true;
    return done.error();
  }
  written_ += static_cast<off_t>(pending_.size());
  pending_.clear();
  return {};
}

Task<Result<void>> QueueFile::write_above(size_t high) {
  if (pending_.size() <= high) co_return Result<void>();
  auto job = [this] { return write_now(); };
  auto done = co_await disk_.pool().run(job);
  co_return done;
}

Task<Result<void>> QueueFile::overwrite(off_t offset, std::string bytes) {
  auto job = [this, offset, text = std::string_view(bytes)] {
    auto written = write_now();
    return written ? pwrite_all(fd_.get(), offset, text) : written;
  };
  auto done = co_await disk_.pool().run(job);
  co_return done;
}

Task<Result<void>> QueueFile::commit(CommitOptions options) {
  if (offset() > kCommitAlone) {
    auto job = [this]() -> Result<void> {
      auto written = write_now();
      return written ? base::sync_file(fd_.get()) : written;
    };
    auto synced = co_await disk_.pool().run(job);
    if (!synced) {
      abort();
      co_return synced;
    }
  }
  QueueDisk::Commit commit{*this, options};
  co_await disk_.commits_.run(commit);
  if (commit.done) {
    committed_ = true;
    fd_.reset();
  } else {
    abort();
  }
  co_return std::move(commit.done);
}

// All that comes before fsync.
Result<void> QueueFile::complete_now(const CommitOptions& options) {
  std::string size = options.has_size ? options.size.text() : "";
  bool size_waits = written_ == 0 && pending_.size() >= kSizeRecordHead + kSizeRecordData;
  if (options.has_size) size.resize(kSizeRecordData, ' ');
  if (options.has_size && size_waits) pending_.replace(kSizeRecordHead, kSizeRecordData, size);
  if (auto done = write_now(); !done) return done.error();
  if (options.has_size && !size_waits) {
    if (auto done = pwrite_all(fd_.get(), kSizeRecordHead, size); !done) return done.error();
  }
  // Into hold/ before anything says that the file is complete: qmgr must never see it in incoming/.
  if (!options.queue.empty() && options.queue != queue_) {
    if (auto done = directories_.rename(queue_id_, queue_, options.queue); !done)
      return done.error();
    queue_ = options.queue;
  }
  if (options.mtime) {
    timespec times[2] = {{0, UTIME_OMIT}, {static_cast<time_t>(*options.mtime), 0}};
    if (futimens(fd_.get(), times) != 0) return errno_error("set time of queue file", errno);
  }
  if (fchmod(fd_.get(), options.mode) != 0) return errno_error("fchmod queue file", errno);
  return {};
}

QueueDisk::QueueDisk(net::Loop& loop, unsigned threads)
    : pool_(loop, threads),
      commits_(loop, pool_, commit_together, kCommitsTogether, kCommitLanes) {}

// Every file is on its way to the disk before the first one is waited for, and a directory is fsynced once for all its files:
// the file system then has one transaction to write, not one for each.
void QueueDisk::commit_together(const std::vector<Commit*>& commits) {
  for (auto* commit : commits) commit->done = commit->file.complete_now(commit->options);
  for (auto* commit : commits) {
    bool company = commits.size() > 1 && commit->done;
    if (company) (void)::sync_file_range(commit->file.fd_.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
  }
  std::map<std::string, std::vector<Commit*>> directories;
  for (auto* commit : commits) {
    auto& file = commit->file;
    if (commit->done) commit->done = base::sync_file(file.fd_.get());
    if (commit->done)
      directories[file.directories_.directory(file.queue_, file.queue_id_)].push_back(commit);
  }
  for (auto& [directory, with_files] : directories) {
    auto synced = base::sync_directory(directory);
    for (auto* commit : with_files) commit->done = synced;
  }
}

void QueueFile::abort() {
  if (committed_ || queue_id_.empty()) return;
  (void)directories_.remove(queue_,
                            queue_id_);  // what cannot be removed has mode 0600 and is ignored
  queue_id_.clear();
  fd_.reset();
}

Result<bool> has_queue_space(const std::string& directory, int64_t queue_minfree,
                             int64_t message_size_limit) {
  struct statvfs space {};
  if (statvfs(directory.c_str(), &space) != 0) return errno_error("statvfs " + directory, errno);
  double free = static_cast<double>(space.f_bavail) * static_cast<double>(space.f_frsize);
  if (free > static_cast<double>(queue_minfree) &&
      free > 1.5 * static_cast<double>(message_size_limit))
    return true;
  return temporary(
      format("not enough free space in mail queue: {:.0f} bytes < 1.5*message size limit", free));
}

}  // namespace dovetail::mta
