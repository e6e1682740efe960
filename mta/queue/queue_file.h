// Writing a message into the queue and reading it for delivery, in Postfix's queue file format.
//
// Writing (design: "Commit"): create incoming/TEMPORARY 0600, rename to its id, write records, size
// record in place, fchmod 0700, fsync file, fsync directory; only then may anybody say 250. HOLD
// renames into hold/ before the commit. Not committed: the file is removed; after a crash it stays
// with mode 0600 and is ignored by every scanner. Files that are ready at the same time are committed
// together (QueueDisk): each is fsynced, their directory once for all.
//
//   auto created = co_await QueueFile::create(disk, directories, options);
//   file->put(kRecFrom, sender);  file->put_line(...);  co_await
//   file->write_above(kQueueFileBuffer); auto done = co_await file->commit(sizes);
//
// Reading: read_envelope() gives sender, attributes and recipients with offsets; ContentReader
// streams the content; mark_done() turns one R into D. All reading functions block: run them on a
// pool with their own Fd. Locks: qmgr takes an exclusive flock while it reads the envelope, agents
// and bounce a shared one while they deliver.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/lock.h"
#include "common/base/result.h"
#include "common/mail/envelope.h"
#include "common/net/batch.h"
#include "common/net/task.h"
#include "mta/queue/directories.h"
#include "mta/queue/record.h"

namespace dovetail::mta {

// How much of a message may wait in memory before write_above() must be awaited.
inline constexpr size_t kQueueFileBuffer = size_t{32} << 10;

// The first record, 6 numbers.
struct SizeRecord {
  int64_t content_size = 0;  // bytes from the first content record to the X record
  int64_t data_offset = 0;   // behind the M record
  int64_t recipient_count = 0;
  int qmgr_flags = 0;        // 1: recipients mixed with other records; DSN notify flags << 1
  int64_t message_size = 0;  // as logged in size=
  int smtputf8 = 0;          // mail::SmtpUtf8Flags
  std::string text() const;
  static SizeRecord parse(std::string_view text);  // missing numbers are 0
};
inline constexpr int kQmgrMixedRecipients = 1;

struct QueueFileOptions {
  std::string queue = "incoming";  // or "maildrop"
  bool long_ids = false;           // enable_long_queue_ids
  mode_t mode = 0600;
  size_t line_length_limit = 2048;  // pieces of long lines
  int64_t size_limit = 0;           // queue_file_size limit, 0: none
};

class QueueDisk;

// One message being written. The calls that touch the disk run on the disk's pool; a failed one
// keeps failing.
class QueueFile {
 public:
  static Task<Result<std::unique_ptr<QueueFile>>> create(QueueDisk& disk,
                                                         const QueueDirectories& directories,
                                                         QueueFileOptions options);
  ~QueueFile();  // not committed: closes and removes the file
  QueueFile(const QueueFile&) = delete;

  const std::string& queue_id() const { return queue_id_; }
  base::Wall arrival() const { return arrival_; }

  void put(RecordType type, std::string_view data) { append_record(pending_, type, data); }
  void put_attribute(std::string_view name, std::string_view value);
  // A text line (no line end): N, or L pieces and N. complete = false: more of the line follows in
  // the next call.
  void put_line(std::string_view text, bool complete = true);
  // The reserved first record; call before anything else. commit() fills it.
  void put_size();
  // File offset at which the next record will stand.
  off_t offset() const { return written_ + static_cast<off_t>(pending_.size()); }
  size_t pending() const { return pending_.size(); }

  // Writes what is pending if it is more than `high`; back-pressure. Errors: the disk's, "File too
  // large" for size_limit.
  Task<Result<void>> write_above(size_t high);
  // Writes all, then overwrites bytes at an offset already put (pointers, warn record).
  Task<Result<void>> overwrite(off_t offset, std::string bytes);
  // Everything to disk in commit order, optionally renamed into another queue first ("hold"). The
  // file stays locked by nobody and is closed. mode: 0700; maildrop 0744 is the caller's choice.
  struct CommitOptions {
    SizeRecord size;
    bool has_size = true;
    std::string queue;  // empty: where it was created
    mode_t mode = 0700;
    std::optional<int64_t>
        mtime;  // not to be looked at before (defer_transports, sendmail -q later)
  };
  Task<Result<void>> commit(CommitOptions options);
  // Removes the file now.
  void abort();

 private:
  friend class QueueDisk;
  QueueFile(QueueDisk& disk, const QueueDirectories& directories, QueueFileOptions options);
  Result<void> create_now();
  Result<void> write_now();
  Result<void> complete_now(const CommitOptions& options);

  QueueDisk& disk_;
  const QueueDirectories& directories_;
  QueueFileOptions options_;
  std::string queue_id_, queue_;
  base::Wall arrival_;
  Fd fd_;
  off_t written_ = 0;
  std::string pending_;
  bool failed_ = false, committed_ = false;
};

// The pool that queue files are written on, and the commits that wait for it together.
class QueueDisk {
 public:
  QueueDisk(net::Loop& loop, unsigned threads);
  net::Pool& pool() { return pool_; }

 private:
  friend class QueueFile;
  struct Commit {
    QueueFile& file;
    const QueueFile::CommitOptions& options;
    Result<void> done = temporary("queue file was not committed");
  };
  static void commit_together(const std::vector<Commit*>& commits);

  net::Pool pool_;
  net::Batch<Commit> commits_;
};

// Room for a message: free bytes > queue_minfree (0: any) and > 1.5 * message_size_limit (RFC 1870);
// else an error with the line for the log, as for a file system that does not answer (452 as well).
Result<bool> has_queue_space(const std::string& directory, int64_t queue_minfree,
                             int64_t message_size_limit);

// --- reading

struct QueueMessage {
  SizeRecord size;
  mail::Envelope envelope;           // recipients: those still to do ('R'), as far as asked for
  size_t recipients_done = 0;        // D and cancelled ones seen
  std::optional<int64_t> warn_time;  // W record; 0: sent or off
  off_t warn_offset = 0;
  std::optional<off_t>
      more_recipients;    // where to go on reading recipients; nullopt: all were read
  bool complete = false;  // the E record was seen (only if the file was read to its end)
  std::string return_receipt, errors_to;
};

struct ReadOptions {
  size_t recipient_limit = SIZE_MAX;  // stop after so many 'R' records
  off_t recipients_from = 0;          // second and later passes: the earlier more_recipients
};
// Errors: fault permanent = corrupt file, temporary = disk.
Result<QueueMessage> read_envelope(int fd, const ReadOptions& options = {});

// One byte of the file: R becomes D. Anything else standing there is an error of fault permanent.
Result<void> mark_done(int fd, off_t offset);
// Overwrites the W record ("warned": 0).
Result<void> set_warn_time(int fd, off_t offset, int64_t time);

// The message text in order, headers then body, long lines put together again.
class ContentReader {
 public:
  enum class LineEnd { lf, crlf };
  ContentReader(int fd, const SizeRecord& size, LineEnd line_end);
  // Whether the whole content is small and in memory, as that of new mail is: then read() does not block.
  bool is_here();
  // Appends whole lines until `out` has at least `want` bytes or the content ends. false: nothing
  // is left.
  Result<bool> read(std::string& out, size_t want);

 private:
  RecordReader reader_;
  int64_t size_;
  std::string_view line_end_;
  static constexpr size_t kLongestPiece = 65536;
  bool ended_ = false;
  bool in_line_ = false;
};

}  // namespace dovetail::mta
