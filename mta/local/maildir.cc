// Delivers one message into a Maildir: written and synced in tmp/, then linked into new/ under a name nobody else can make.
// Missing directories are created. Format: maildir(5).
// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "mta/local/message_pieces.h"
#include "mta/local/worker.h"

namespace dovetail::mta {

namespace {

JobResult maildir_failure(int code, const std::string& words) {
  JobResult result;
  result.failure = {std::string(mailbox_fault(code)), format("{}: {}", words, std::strerror(code))};
  result.system = std::strerror(code);
  return result;
}

}  // namespace

JobResult deliver_maildir(const Job& job, MessagePieces& message) {
  auto started = base::wall_now();
  auto temporary_name =
      format("{}tmp/{}.P{}.{}", job.path, started.seconds, ::getpid(), job.hostname);
  auto fd = base::open_file(temporary_name, O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (!fd && errno == ENOENT) {
    for (auto part : {"tmp", "new", "cur"}) {
      auto made = base::make_directories(job.path + part, 0700);
      if (!made) break;
    }
    fd = base::open_file(temporary_name, O_WRONLY | O_CREAT | O_EXCL, 0600);
  }
  if (!fd) return maildir_failure(errno, "create maildir file " + temporary_name);
  int code = 0;
  int64_t size = 0;
  for (auto piece = message.next(); !piece.empty() && code == 0; piece = message.next()) {
    size += static_cast<int64_t>(piece.size());
    if (job.size_limit > 0 && size > job.size_limit)
      code = EFBIG;
    else if (!base::write_all(fd->get(), piece))
      code = errno;
  }
  struct stat st {};
  if (code == 0 && !message.complete()) code = EINTR;  // the front died
  if (code == 0 && (::fsync(fd->get()) != 0 || ::fstat(fd->get(), &st) != 0)) code = errno;
  JobResult result;
  if (code != 0) {
    ::unlink(temporary_name.c_str());
    return maildir_failure(code, "error writing message");
  }
  auto final_name = format("{}new/{}.V{:x}I{:x}M{}.{}", job.path, started.seconds, st.st_dev,
                           st.st_ino, started.microseconds, job.hostname);
  if (::link(temporary_name.c_str(), final_name.c_str()) != 0) {
    code = errno;
    bool made = false;
    if (code == ENOENT) {
      made = base::make_directories(job.path + "new", 0700) &&
             base::make_directories(job.path + "cur", 0700) &&
             ::link(temporary_name.c_str(), final_name.c_str()) == 0;
    }
    if (!made) {
      ::unlink(temporary_name.c_str());
      return maildir_failure(code, "create maildir file " + final_name);
    }
  }
  ::unlink(temporary_name.c_str());
  auto synced = base::sync_directory(job.path + "new");
  if (!synced) result.warnings.push_back(synced.error().text);
  result.done = true;
  return result;
}

}  // namespace dovetail::mta
