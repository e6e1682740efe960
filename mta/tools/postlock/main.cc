// postlock: runs a command while a mail folder is locked as the delivery agents lock it. Manual: postlock(1).
// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/base/clock.h"
#include "common/base/lock.h"
#include "common/base/text.h"
#include "conf/bind.h"
#include "mta/tools/common/tool.h"

namespace dovetail::mta {
namespace {

constexpr int kPostlockTempFail = 75;

const Logger& postlock_log() {
  static const Logger log("postlock");
  return log;
}

[[noreturn]] void postlock_fatal(const std::string& text) {
  tool_fatal(postlock_log(), kPostlockTempFail, text);
}

struct LockPlan {
  bool fcntl = false, flock = false, dotlock = false;
  int attempts = 20;
  unsigned delay = 1, stale = 500;
};

LockPlan plan_locks(const conf::MainCf& cf, const std::string& style) {
  LockPlan plan;
  for (std::string_view word : base::words(style, ", \t\r\n")) {
    if (word == "fcntl")
      plan.fcntl = true;
    else if (word == "flock")
      plan.flock = true;
    else if (word == "dotlock")
      plan.dotlock = true;
    else
      postlock_fatal(format("unknown mailbox_delivery_lock value \"{}\" in \"{}\"", word, style));
  }
  auto attempts = conf::read_int(cf, "deliver_lock_attempts");
  auto delay = conf::read_time(cf, "deliver_lock_delay"),
       stale = conf::read_time(cf, "stale_lock_time");
  if (!attempts) postlock_fatal(attempts.error().text);
  if (!delay) postlock_fatal(delay.error().text);
  if (!stale) postlock_fatal(stale.error().text);
  plan.attempts = *attempts;
  plan.delay = static_cast<unsigned>(delay->count());
  plan.stale = static_cast<unsigned>(stale->count());
  return plan;
}

// The lock file holds our PID for whoever looks. One that nobody touched for long is left over; when it was made cannot be
// forged, so that counts.
bool try_dotlock(const std::string& path, unsigned stale) {
  Fd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0));
  if (fd) {
    (void)base::write_all(fd.get(), std::to_string(getpid())).operator bool();
    return true;
  }
  if (errno != EEXIST) return false;
  struct stat status {};
  bool old = stat(path.c_str(), &status) == 0 && status.st_ctime + stale < base::wall_now().seconds;
  if (old && unlink(path.c_str()) == 0) return try_dotlock(path, stale);
  errno = EEXIST;
  return false;
}

bool try_kernel_locks(const LockPlan& plan, int fd) {
  if (plan.flock) {
    auto locked = base::try_flock(fd, base::LockKind::exclusive);
    if (!locked || !*locked) return false;
  }
  if (!plan.fcntl) return true;
  auto locked = base::try_fcntl_lock(fd, base::LockKind::exclusive);
  if (locked && *locked) return true;
  if (plan.flock) ::flock(fd, LOCK_UN);
  return false;
}

void take_dotlock(const LockPlan& plan, const std::string& folder, const std::string& dotlock) {
  for (int attempt = 0; attempt < plan.attempts; ++attempt) {
    if (attempt) sleep(plan.delay);
    if (try_dotlock(dotlock, plan.stale)) return;
    if (errno != EEXIST) break;
  }
  postlock_fatal(
      format("open file {}: unable to create lock file {}: {}", folder, dotlock, strerror(errno)));
}

// The folder, locked in every way of the plan; without one of them the program ends.
Fd open_locked(const LockPlan& plan, const std::string& folder, const std::string& dotlock) {
  auto give_up = [&](const std::string& what, int error) {
    if (plan.dotlock) unlink(dotlock.c_str());
    postlock_fatal(format("open file {}: {}: {}", folder, what, strerror(error)));
  };
  if (plan.dotlock) take_dotlock(plan, folder, dotlock);
  Fd file(open(folder.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  if (!file) give_up("cannot open file", errno);
  for (int attempt = 0; attempt < plan.attempts; ++attempt) {
    if (attempt) sleep(plan.delay);
    if (try_kernel_locks(plan, file.get())) return file;
  }
  give_up("unable to lock for exclusive access", EAGAIN);
  return Fd();
}

int run_command(char** argv) {
  pid_t child = fork();
  if (child < 0) postlock_fatal(format("fork {}: {}", argv[0], strerror(errno)));
  if (child == 0) {
    execvp(argv[0], argv);
    tool_fatal(postlock_log(), 1, format("execvp {}: {}", argv[0], strerror(errno)));
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return kPostlockTempFail;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int run_postlock(int argc, char** argv) {
  open_tool_log();
  std::string config_directory, style;
  constexpr const char* kUsage =
      "usage: postlock [-c config_dir] [-l lock_style] [-v] folder command...";
  for (int c; (c = getopt(argc, argv, "+c:l:v")) != -1;) {
    if (c == 'c') config_directory = optarg;
    if (c == 'l') style = optarg;
    if (c == '?') postlock_fatal(kUsage);
  }
  if (argc - optind < 2) postlock_fatal(kUsage);
  conf::MainCf cf = load_tool_configuration(postlock_log(), config_directory, kPostlockTempFail);
  std::string folder = argv[optind], dotlock = folder + ".lock";
  LockPlan plan = plan_locks(cf, style.empty() ? cf.get("mailbox_delivery_lock") : style);
  Fd file = open_locked(plan, folder, dotlock);
  int status = run_command(argv + optind + 1);
  if (plan.dotlock) unlink(dotlock.c_str());
  return status;
}

}  // namespace
}  // namespace dovetail::mta

int main(int argc, char** argv) {
  return dovetail::mta::run_postlock(argc, argv);
}
