// postdrop: puts a message from standard input into the maildrop. Set-gid: links base, mail and conf only, trusts neither
// environment nor input. Manual: postdrop(1).
// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/text.h"
#include "common/mail/queue_id.h"
#include "conf/postfix/common_parameters.h"
#include "conf/postfix/main_cf.h"
#include "mta/tools/common/tool.h"
#include "mta/tools/postdrop/drop_filter.h"

namespace dovetail::mta {
namespace {

const Logger& postdrop_log() {
  static const Logger log("postdrop");
  return log;
}

// What must not be left behind when a signal or an error ends the program.
char drop_path[256];

void remove_drop() {
  if (drop_path[0]) unlink(drop_path);
  drop_path[0] = '\0';
}

void on_signal(int number) {
  remove_drop();
  _exit(128 + number);
}

[[noreturn]] void postdrop_fatal(const std::string& text) {
  remove_drop();
  postdrop_log().fatal("{}", text);
  exit(1);
}

void check_submit_user(const conf::MainCf& cf) {
  std::string user = calling_user();
  auto allowed = is_listed_user(cf, "authorized_submit_users", user);
  if (!allowed) postdrop_fatal(allowed.error().text);
  if (!*allowed)
    postdrop_fatal(format("User {}({}) is not allowed to submit mail", user, getuid()));
  // What would restrict senders and is not obeyed here must not be passed by.
  for (auto& name : conf::unsupported_parameters(cf, conf::Unsupported::defer, "postdrop"))
    postdrop_fatal(name + " is not supported yet: no mail is taken");
}

struct DropFile {
  Fd fd;
  std::string queue_id;
  base::Wall arrival;
};

DropFile create_drop(bool long_ids) {
  DropFile drop;
  base::Wall now;
  for (int attempt = 0; !drop.fd; ++attempt) {
    now = base::wall_now();
    std::string path = format("maildrop/{}.{}", now.microseconds, getpid());
    drop.fd = Fd(open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644));
    int error = errno;
    if (drop.fd)
      snprintf(drop_path, sizeof drop_path, "%s", path.c_str());
    else if (error != EEXIST || attempt > 100)
      postdrop_fatal(errno_error(format("mail_queue_enter: create file {}", path), error).text);
  }
  struct stat status {};
  if (fstat(drop.fd.get(), &status) != 0)
    postdrop_fatal(errno_error("fstat maildrop file", errno).text);
  drop.arrival = now;
  drop.queue_id = mail::make_queue_id(now, status.st_ino, long_ids);
  std::string target = "maildrop/" + drop.queue_id;
  if (rename(drop_path, target.c_str()) != 0)
    postdrop_fatal(errno_error("rename to " + target, errno).text);
  snprintf(drop_path, sizeof drop_path, "%s", target.c_str());
  return drop;
}

void print_attributes(std::string_view bytes) {
  if (!base::write_all(STDOUT_FILENO, bytes))
    postdrop_log().warning("cannot write to standard output");
}

// What is wrong with the record at the front.
std::string malformed_record(std::string_view input, bool too_long) {
  auto type = static_cast<int>(static_cast<unsigned char>(input[0]));
  size_t length = 0;
  for (size_t at = 1; at < input.size() && at < 6; ++at) {
    auto group = static_cast<unsigned char>(input[at]);
    length |= static_cast<size_t>(group & 0x7f) << (7 * (at - 1));
    if (!(group & 0x80)) break;
  }
  if (too_long) return format("illegal length {}, record type {}", length, type);
  return format("unexpected EOF in data, record type {} length {}", type, length);
}

// Reads records until E; false: the stream ended before, so the sender gave up.
bool copy_records(const DropFile& drop, size_t line_limit) {
  int fd = drop.fd.get();
  std::string input, output;
  // The sender may not say when it came.
  append_record(output, kRecTime, format("{} {}", drop.arrival.seconds, drop.arrival.microseconds));
  RecordDecoder decoder(line_limit);
  DropFilter filter;
  Record record;
  char chunk[16384];
  for (;;) {
    std::string_view rest = input;
    auto state = decoder.next(rest, record);
    if (state == RecordDecoder::State::record) {
      input.erase(0, input.size() - rest.size());
      auto verdict = filter.add(record.type, record.data);
      if (verdict == DropFilter::Verdict::refuse)
        postdrop_fatal(format("uid={}: {}", getuid(), filter.why()));
      if (verdict == DropFilter::Verdict::skip) {
        postdrop_log().warning("uid={}: {}", getuid(), filter.why());
        continue;
      }
      append_record(output, record.type, record.data);
      bool end = verdict == DropFilter::Verdict::end;
      if (end || output.size() > sizeof chunk) {
        if (auto done = base::write_all(fd, output); !done) postdrop_fatal(done.error().text);
        output.clear();
      }
      if (end) return true;
      continue;
    }
    ssize_t got = state == RecordDecoder::State::more ? read(STDIN_FILENO, chunk, sizeof chunk) : 0;
    if (got < 0 && errno == EINTR) continue;
    if (got > 0) {
      input.append(chunk, static_cast<size_t>(got));
      continue;
    }
    if (input.empty() && state == RecordDecoder::State::more) return false;
    bool too_long = state == RecordDecoder::State::bad;
    postdrop_log().warning("stdin: {}", malformed_record(input, too_long));
    postdrop_fatal(format("uid={}: malformed input", getuid()));
  }
}

void commit_drop(int fd) {
  if (fchmod(fd, 0744) != 0) postdrop_fatal(errno_error("fchmod maildrop file", errno).text);
  if (auto done = base::sync_file(fd); !done) postdrop_fatal(done.error().text);
  // The directory may be write-only for us (1730): then the file system's own order has to do.
  (void)base::sync_directory("maildrop");
}

struct PostdropOptions {
  bool report = false;
  std::string config_directory;
};

PostdropOptions parse_postdrop(int argc, char** argv) {
  PostdropOptions options;
  for (int c; (c = getopt(argc, argv, "c:rv")) != -1;) {
    switch (c) {
      case 'c':
        options.config_directory = optarg;
        break;
      case 'r':
        options.report = true;
        break;
      case 'v':
        break;
      default:
        postdrop_fatal("usage: postdrop [-c config_dir] [-v]");
    }
  }
  return options;
}

int run_postdrop(int argc, char** argv) {
  umask(022);
  open_tool_log();
  scrub_tool_environment();
  PostdropOptions options = parse_postdrop(argc, argv);
  std::string directory = checked_config_directory(postdrop_log(), options.config_directory, 1);
  auto cf = conf::MainCf::load(directory, {}, {.process_name = "postdrop"});
  if (!cf) postdrop_fatal(cf.error().text);
  open_tool_log(*cf);
  check_submit_user(*cf);
  std::string queue_directory = cf->get("queue_directory");
  if (chdir(queue_directory.c_str()) != 0)
    postdrop_fatal(errno_error("chdir " + queue_directory, errno).text);
  for (int number : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGALRM, SIGXFSZ}) signal(number, on_signal);
  signal(SIGPIPE, SIG_IGN);

  DropFile drop = create_drop(cf->get("enable_long_queue_ids") == "yes");
  std::string hello = "protocol";
  for (std::string_view word : {std::string_view("postdrop_protocol"), std::string_view("queue_id"),
                                std::string_view(drop.queue_id), std::string_view()})
    (hello += '\0') += word;
  hello += '\0';
  print_attributes(hello);

  auto line_limit = base::parse_number<size_t>(cf->get("line_length_limit")).value_or(2048);
  if (!copy_records(drop, line_limit)) {
    remove_drop();
    return 0;
  }
  commit_drop(drop.fd.get());
  drop_path[0] = '\0';  // from here on it is the mail system's
  trigger_daemon(postdrop_log(), "public/" + cf->get("pickup_service_name"), "I");
  using namespace std::string_view_literals;
  if (options.report) print_attributes("status\0000\0reason\0\0\0"sv);
  return 0;
}

}  // namespace
}  // namespace dovetail::mta

int main(int argc, char** argv) {
  return dovetail::mta::run_postdrop(argc, argv);
}
