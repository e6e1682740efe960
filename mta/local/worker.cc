// SPDX-License-Identifier: Apache-2.0
#include "mta/local/worker.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/base/text.h"
#include "mta/local/message_pieces.h"

namespace dovetail::mta {

namespace {

constexpr size_t kUserFileLimit = size_t{1} << 18;

JobResult carry_out_job(const Job& job, MessagePieces& message, Fd extra, gid_t spool_group) {
  // The spool's group is for mailboxes: whoever has it may remove those of others.
  if (spool_group != static_cast<gid_t>(-1) && job.kind != Job::Kind::mbox &&
      job.kind != Job::Kind::maildir) {
    JobResult refused;
    refused.failure = {"4.3.5", "mail system configuration error"};
    return refused;
  }
  switch (job.kind) {
    case Job::Kind::mbox:
      return append_mbox(job, message, spool_group, std::move(extra));
    case Job::Kind::maildir:
      return deliver_maildir(job, message);
    case Job::Kind::command:
      return run_command(job, message);
    case Job::Kind::serve:
      return serve_command(job, std::move(extra));
    case Job::Kind::read_file:
      break;
  }
  return read_user_file(job);
}

}  // namespace

std::string_view mailbox_fault(int code) {
  switch (code) {
    case EFBIG:
    case EDQUOT:
      return "5.2.2";
    case ENOSPC:
    case EIO:
    case ENOMEM:
    case ENFILE:
    case EMFILE:
      return "4.3.0";
    case EAGAIN:
    case EINTR:
    case ESTALE:
    case EBUSY:
    case ETIMEDOUT:
      return "4.2.0";
    default:
      return "5.2.0";
  }
}

// A file that others may write says what somebody else wants: it is left aside, with a warning.
JobResult read_user_file(const Job& job) {
  JobResult result;
  for (auto& path : job.paths) {
    auto fd = base::open_file(path, O_RDONLY | O_NONBLOCK);
    int code = errno;
    if (!fd) {
      if (code == ENOENT || code == ENOTDIR || code == EACCES) {
        if (job.paths.size() == 1) result.system = std::strerror(code);
        if (code == EACCES) result.warnings.push_back(fd.error().text);
        continue;
      }
      result.failure = {"4.3.0", fd.error().text};
      return result;
    }
    struct stat st;
    if (::fstat(fd->get(), &st) != 0) continue;
    if (!S_ISREG(st.st_mode)) {
      result.warnings.push_back("file " + path + " is not a regular file");
      continue;
    }
    if (job.strict_ownership && st.st_uid != 0 && st.st_uid != ::getuid()) {
      result.warnings.push_back("file " + path + " has bad owner");
      continue;
    }
    if (st.st_mode & S_IWOTH) {
      result.warnings.push_back("file " + path + " is world writable");
      continue;
    }
    auto content = base::read_all(fd->get(), kUserFileLimit);
    if (!content) {
      result.failure = {"4.3.0", path + ": " + content.error().text};
      return result;
    }
    result.done = result.found = true;
    result.content = std::move(*content);
    result.owner = st.st_uid;
    result.group = st.st_gid;
    return result;
  }
  result.done = true;
  return result;
}

void run_worker(Fd task, Fd extra, gid_t spool_group) {
  ::signal(SIGPIPE, SIG_IGN);
  MessagePieces message(std::move(task));
  auto job = message.read_job();
  if (!job) return;
  auto result = carry_out_job(*job, message, std::move(extra), spool_group);
  message.answer(result);
}

}  // namespace dovetail::mta
