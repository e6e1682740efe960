// Runs a command for a recipient, who is already who we are: the message on its standard input, its output kept for the
// log, its end judged, its whole process group killed when command_time_limit is over.
// SPDX-License-Identifier: Apache-2.0
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "common/base/text.h"
#include "mta/local/exit_status.h"
#include "mta/local/message_pieces.h"
#include "mta/local/worker.h"

namespace dovetail::mta {

namespace {

constexpr size_t kOutputLimit = 4096;

struct CommandPipe {
  Fd read, write;
};
bool make_pipe(CommandPipe& out) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return false;
  out.read = Fd(ends[0]);
  out.write = Fd(ends[1]);
  return true;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

// In the process that becomes the command; never returns. What goes wrong here is tried again later.
[[noreturn]] void exec_command(const Job& job) {
  ::setsid();
  for (int signal : {SIGPIPE, SIGTERM, SIGHUP, SIGCHLD}) ::signal(signal, SIG_DFL);
  auto environment = job.environment;
  auto env = pointers(environment);
  auto fail = [&](const std::string& what) {
    auto text = format("{}: {}\n", what, std::strerror(errno));
    (void)!::write(STDERR_FILENO, text.data(), text.size());
    _exit(75);
  };
  if (::chdir(job.directory.empty() ? "/" : job.directory.c_str()) != 0)
    fail("chdir " + job.directory);
  std::vector<std::string> argv = job.argv;
  if (argv.empty() && !job.shell.empty()) {
    for (auto word : base::words(job.shell)) argv.emplace_back(word);
    argv.push_back(job.command);
  } else if (argv.empty() && needs_shell(job.command)) {
    argv = {"sh", "-c", job.command};
    auto shell = pointers(argv);
    ::execve("/bin/sh", shell.data(), env.data());
    fail("execv /bin/sh");
  } else if (argv.empty()) {
    for (auto word : base::words(job.command)) argv.emplace_back(word);
  }
  auto args = pointers(argv);
  ::execvpe(argv[0].c_str(), args.data(), env.data());
  fail("execvp " + argv[0]);
  _exit(75);
}

// stdin, stdout, stderr come from these descriptors.
pid_t start_command(const Job& job, int in, int out) {
  pid_t child = ::fork();
  if (child != 0) return child;
  ::dup2(in, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(out, STDERR_FILENO);
  exec_command(job);
}

int64_t seconds_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec;
}

// One command with its two pipes; pump() until the output ends, the message being all taken or the command not wanting more.
class CommandRun {
 public:
  CommandRun(MessagePieces& message, Fd input, Fd output, int64_t deadline)
      : message_(message),
        input_(std::move(input)),
        output_(std::move(output)),
        deadline_(deadline) {
    ::fcntl(input_.get(), F_SETFL, O_NONBLOCK);
  }
  // false: the time is up.
  bool pump() {
    while (output_) {
      if (input_ && pending_.empty()) next_piece();
      pollfd watched[3] = {{output_.get(), POLLIN, 0}, {-1, POLLOUT, 0}, {-1, POLLIN, 0}};
      if (input_ && !pending_.empty())
        watched[1].fd = input_.get();
      else if (input_)
        watched[2].fd = message_.fd();
      int64_t left = deadline_ - seconds_now();
      if (left <= 0) return false;
      int ready = ::poll(watched, 3, static_cast<int>(std::min<int64_t>(left, 3600) * 1000));
      if (ready < 0 && errno != EINTR) return false;
      if (ready <= 0) continue;
      if (watched[0].revents) read_output();
      if (watched[1].revents) write_input();
      if (watched[2].revents) message_.fill();
    }
    return true;
  }
  const std::string& output() const { return text_; }
  bool front_died() const { return message_.ended() && !message_.complete(); }

 private:
  void next_piece() {
    auto piece = message_.take();
    if (!piece) return;
    pending_ = std::move(*piece);
    if (pending_.empty() && message_.ended()) input_ = Fd();  // end of file for the command
  }
  void read_output() {
    char bytes[4096];
    ssize_t got = ::read(output_.get(), bytes, sizeof bytes);
    if (got < 0 && errno == EINTR) return;
    if (got <= 0) {
      output_ = Fd();
      return;
    }
    if (text_.size() < kOutputLimit)
      text_.append(bytes, std::min(static_cast<size_t>(got), kOutputLimit - text_.size()));
  }
  // A command need not read its mail: that is no error, only its exit status counts.
  void write_input() {
    ssize_t put = ::write(input_.get(), pending_.data(), pending_.size());
    if (put < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (put < 0) {
      input_ = Fd();
      pending_.clear();
      return;
    }
    pending_.erase(0, static_cast<size_t>(put));
  }

  MessagePieces& message_;
  Fd input_, output_;
  int64_t deadline_;
  std::string pending_, text_;
};

// nullopt: still alive when the time was up.
std::optional<int> wait_for(pid_t child, int64_t deadline) {
  for (int status = 0;;) {
    pid_t got = ::waitpid(child, &status, WNOHANG);
    if (got == child) return status;
    if (got < 0 && errno != EINTR) return 0x7f00;
    if (seconds_now() >= deadline) return std::nullopt;
    timespec pause{0, 2'000'000};
    ::nanosleep(&pause, nullptr);
  }
}

}  // namespace

JobResult run_command(const Job& job, MessagePieces& message) {
  JobResult result;
  auto shown = job.command.empty() && !job.argv.empty() ? job.argv[0] : job.command;
  CommandPipe in, out;
  pid_t child = -1;
  if (make_pipe(in) && make_pipe(out)) child = start_command(job, in.read.get(), out.write.get());
  if (child < 0) {
    result.failure = {"4.3.0", format("cannot start a command: {}", std::strerror(errno))};
    return result;
  }
  in.read = Fd();
  out.write = Fd();
  auto deadline = seconds_now() + job.time_limit;
  CommandRun run(message, std::move(in.write), std::move(out.read), deadline);
  bool in_time = run.pump();
  auto status = in_time ? wait_for(child, deadline) : std::nullopt;
  auto text = show_output(run.output());
  if (!status) {
    ::kill(-child, SIGKILL);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    result.failure = time_limit_exceeded(shown, text);
    return result;
  }
  if (run.front_died()) return result;
  auto failure = judge_exit(*status, shown, text);
  result.done = !failure;
  if (failure)
    result.failure = *failure;
  else
    result.output = text;
  return result;
}

// spawn(8): the client is the command's standard input, output and error.
JobResult serve_command(const Job& job, Fd client) {
  JobResult result;
  int flags = ::fcntl(client.get(), F_GETFL);
  ::fcntl(client.get(), F_SETFL, flags & ~O_NONBLOCK);
  pid_t child = start_command(job, client.get(), client.get());
  if (child < 0) {
    result.failure = {"4.3.0", format("cannot start a command: {}", std::strerror(errno))};
    return result;
  }
  client = Fd();
  auto status = wait_for(child, seconds_now() + job.time_limit);
  if (!status) {
    ::kill(-child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    result.failure = time_limit_exceeded(job.argv.empty() ? job.command : job.argv[0], "");
    return result;
  }
  result.done = *status == 0;
  if (WIFSIGNALED(*status))
    result.failure = {"4.3.0", format("{} killed by signal {}", job.argv[0], WTERMSIG(*status))};
  else if (!result.done)
    result.failure = {"4.3.0", format("{} exit status {}", job.argv[0], WEXITSTATUS(*status))};
  return result;
}

}  // namespace dovetail::mta
