// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/support.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "common/base/log.h"
#include "common/net/conn.h"

namespace dovetail::tests {

void refuse(bool broken, const char* file, int line) {
  if (!broken) return;
  fprintf(stderr, "%s:%d: finding\n", file, line);
  abort();
}

void silence_log() {
  static const bool done = [] {
    base::capture_log([](base::Level, std::string_view, std::string_view) {});
    signal(SIGPIPE, SIG_IGN);
    return true;
  }();
  (void)done;
}

Scratch::Scratch() {
  path_ =
      access("/dev/shm", W_OK) == 0 ? "/dev/shm/dovetail-fuzz.XXXXXX" : "/tmp/dovetail-fuzz.XXXXXX";
  refuse(!mkdtemp(path_.data()));
}

Scratch::~Scratch() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void Scratch::write(const std::string& name, std::string_view bytes) const {
  refuse(!base::replace_file(path_ + "/" + name, bytes, 0600));
}

namespace {

Task<> play_peer(Loop& loop, base::Fd fd, std::string bytes) {
  Conn conn(loop, std::move(fd));
  try {
    conn.put(bytes);
    co_await conn.flush();
    conn.shutdown_write();
    for (;;) {
      co_await conn.fill();
      conn.consume(conn.buffered().size());
    }
  } catch (const IoError&) {
  }
}

Task<> run_ours(base::Fd fd, const std::function<Task<>(base::Fd)>& ours) {
  try {
    co_await ours(std::move(fd));
  } catch (const IoError&) {
  }
}

Task<> both_ends(Loop& loop, std::string bytes, const std::function<Task<>(base::Fd)>& ours,
                 base::Fd a, base::Fd b) {
  std::vector<Task<>> ends;
  ends.push_back(run_ours(std::move(a), ours));
  ends.push_back(play_peer(loop, std::move(b), std::move(bytes)));
  co_await net::when_all(loop, std::move(ends));
}

}  // namespace

void converse(Loop& loop, std::string_view bytes, const std::function<Task<>(base::Fd)>& ours) {
  silence_log();
  int pair[2];
  refuse(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0);
  base::Fd a(pair[0]), b(pair[1]);
  net::run_until_done(loop, both_ends(loop, std::string(bytes), ours, std::move(a), std::move(b)));
}

}  // namespace dovetail::tests
