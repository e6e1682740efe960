// SPDX-License-Identifier: Apache-2.0
#include "common/service/daemonize.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace dovetail::service {

namespace {

[[noreturn]] void wait_for_daemon(pid_t pid, int fd) {
  char ok = 0;
  ssize_t n;
  while ((n = ::read(fd, &ok, 1)) < 0 && errno == EINTR) {
  }
  if (n == 1) ::_exit(0);
  int status = 0;
  ::waitpid(pid, &status, 0);
  ::_exit(WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : 1);
}

}  // namespace

Daemonized Daemonized::detach() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) ::_exit(1);
  pid_t pid = ::fork();
  if (pid < 0) ::_exit(1);
  if (pid > 0) {
    ::close(ends[1]);
    wait_for_daemon(pid, ends[0]);
  }
  ::close(ends[0]);
  ::setsid();
  Daemonized daemon;
  daemon.parent_ = base::Fd(ends[1]);
  return daemon;
}

void leave_terminal() {
  int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(null, fd);
  if (null > 2) ::close(null);
}

void Daemonized::ready() {
  if (!parent_) return;
  leave_terminal();
  (void)base::write_all(parent_.get(), "1");
  parent_.reset();
}

}  // namespace dovetail::service
