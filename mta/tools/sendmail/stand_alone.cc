// SPDX-License-Identifier: Apache-2.0
#include "mta/tools/sendmail/stand_alone.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "mta/tools/common/tool.h"

namespace dovetail::mta {

namespace {

// Copies what is there; false: that side has ended.
bool copy_some(int from, int to) {
  char buffer[16384];
  ssize_t got = read(from, buffer, sizeof buffer);
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return true;
  return got > 0 && base::write_all(to, std::string_view(buffer, static_cast<size_t>(got)));
}

// Until the server ends; the end of our input is passed on once, replies still come.
void join_streams(int server) {
  pollfd ends[2] = {{STDIN_FILENO, POLLIN, 0}, {server, POLLIN, 0}};
  for (;;) {
    if (poll(ends, 2, -1) < 0 && errno != EINTR) return;
    if (ends[1].revents && !copy_some(server, STDOUT_FILENO)) return;
    if (ends[0].fd >= 0 && ends[0].revents && !copy_some(STDIN_FILENO, server)) {
      shutdown(server, SHUT_WR);
      ends[0].fd = -1;
      ends[0].revents = 0;
    }
  }
}

}  // namespace

int serve_standard_input(const Logger& log, const std::string& path,
                         const std::vector<std::string>& arguments) {
  constexpr int kUnavailable = 75;
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
    log.warning("socketpair: {}", strerror(errno));
    return kUnavailable;
  }
  Fd server(pair[0]), theirs(pair[1]);
  pid_t child = fork();
  if (child < 0) {
    log.warning("fork: {}", strerror(errno));
    return kUnavailable;
  }
  if (child == 0) {
    dup2(theirs.get(), STDIN_FILENO);
    dup2(theirs.get(), STDOUT_FILENO);
    replace_by(log, path, arguments);
    _exit(kUnavailable);
  }
  theirs.reset();
  signal(SIGPIPE, SIG_IGN);
  join_streams(server.get());
  server.reset();
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : kUnavailable;
}

}  // namespace dovetail::mta
