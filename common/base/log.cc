// SPDX-License-Identifier: Apache-2.0
#include "common/base/log.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <mutex>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/text.h"

namespace dovetail::base {
namespace {

struct LogState {
  LogTarget target;
  Fd syslog;
  Fd file;
  std::string host;
  std::function<void(Level, std::string_view, std::string_view)> capture;
  std::mutex reopen;  // pool threads log too; a send needs no lock, reconnecting does
};

LogState& log_state() {
  static LogState state;
  return state;
}

struct LevelWords {
  std::string_view postfix, dovecot;
  int syslog;
};

// clang-format off
constexpr LevelWords kLevelWords[] = {
    {"",          "Debug: ",   LOG_DEBUG},
    {"",          "Info: ",    LOG_INFO},
    {"warning: ", "Warning: ", LOG_WARNING},
    {"error: ",   "Error: ",   LOG_ERR},
    {"fatal: ",   "Fatal: ",   LOG_CRIT},
    {"panic: ",   "Panic: ",   LOG_CRIT},
};
// clang-format on

void connect_syslog(LogState& state) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  auto& path = state.target.syslog_socket;
  if (path.size() >= sizeof address.sun_path) return;
  memcpy(address.sun_path, path.data(), path.size());
  Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd && ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
    state.syslog = std::move(fd);
  }
}

void to_syslog(LogState& state, int priority, std::string_view name, std::string_view text) {
  bool postfix = state.target.style == LogStyle::postfix;
  auto stamp = format_time("%b %e %H:%M:%S", wall_now().seconds);
  std::string line = postfix ? format("<{}>{} {}[{}]: {}", priority, stamp, name, getpid(), text)
                             : format("<{}>{} {}: {}", priority, stamp, state.target.ident, text);
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (state.syslog && ::send(state.syslog.get(), line.data(), line.size(), MSG_NOSIGNAL) >= 0)
      return;
    std::lock_guard lock(state.reopen);  // syslogd was restarted: its socket is a new one
    connect_syslog(state);
  }
}

void write_line(int fd, std::string line) {
  line += '\n';
  // One write per line: O_APPEND keeps lines of several processes whole.
  [[maybe_unused]] ssize_t n = ::write(fd, line.data(), line.size());
}

void to_file(LogState& state, std::string_view name, std::string_view text) {
  auto stamp = format_time(state.target.timestamp.c_str(), wall_now().seconds);
  if (state.target.style == LogStyle::postfix) {
    write_line(state.file.get(),
               format("{} {} {}[{}]: {}", stamp, state.host, name, getpid(), text));
  } else {
    bool blank = !stamp.empty() && stamp.back() == ' ';
    write_line(state.file.get(), format("{}{}{}", stamp, blank ? "" : " ", text));
  }
}

}  // namespace

void open_log(const LogTarget& target) {
  auto& state = log_state();
  state.target = target;
  state.syslog.reset();
  state.file.reset();
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  state.host = cut(host, '.').first;
  if (target.to_syslog) connect_syslog(state);
  if (!target.file.empty()) {
    auto fd = open_file(target.file, O_WRONLY | O_APPEND | O_CREAT, 0600);
    if (fd) state.file = std::move(*fd);
  }
}

const LogTarget& log_target() {
  return log_state().target;
}

void capture_log(std::function<void(Level, std::string_view, std::string_view)> sink) {
  log_state().capture = std::move(sink);
}

void Logger::write(Level level, std::string_view text) const {
  auto& state = log_state();
  if (state.capture) return state.capture(level, *name_, text);
  auto& words = kLevelWords[static_cast<size_t>(level)];
  bool postfix = state.target.style == LogStyle::postfix;
  auto safe = printable(text, !postfix);
  std::string line =
      postfix ? std::string(words.postfix) + safe : format("{}: {}{}", *name_, words.dovecot, safe);
  std::string tag = state.target.tag_prefix + *name_;
  // Dovecot's syslog lines name every level but the ordinary one; fail2ban's filters rely on that.
  bool plain = !postfix && level == Level::info;
  std::string sent = plain ? format("{}: {}", *name_, safe) : line;
  if (state.target.to_syslog) to_syslog(state, state.target.facility | words.syslog, tag, sent);
  if (state.file) to_file(state, tag, line);
  if (state.target.to_stderr)
    write_line(STDERR_FILENO, postfix ? format("{}: {}", *name_, line) : line);
}

void panic(const Logger& log, std::string_view text) {
  log.write(Level::panic, text);
  abort();
}

}  // namespace dovetail::base
