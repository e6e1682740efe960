// postqueue: lists the queue and asks for deliveries. Set-gid: links base, mail and conf only, trusts neither environment nor
// arguments. Manual: postqueue(1).
// SPDX-License-Identifier: Apache-2.0
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "common/base/text.h"
#include "common/mail/queue_id.h"
#include "mta/tools/common/tool.h"
#include "mta/tools/postqueue/listing.h"

namespace dovetail::mta {
namespace {

constexpr int kUnavailable = 69, kSoftware = 70, kNoPermission = 77;
constexpr const char* kPostqueueUsage =
    "usage: postqueue -f | postqueue -i queueid | postqueue -j | postqueue -p | postqueue -s site";
constexpr const char* kMailSystemDown = "Cannot flush mail queue - mail system is down";

const Logger& postqueue_log() {
  static const Logger log("postqueue");
  return log;
}

// postqueue ends with 69 also for wrong usage, so that sendmail's callers try again later.
[[noreturn]] void postqueue_fatal(const std::string& text, int status = kUnavailable) {
  tool_fatal(postqueue_log(), status, text);
}

enum class QueueMode { none, list, json, flush, flush_id, flush_site };

struct PostqueueOptions {
  QueueMode mode = QueueMode::none;
  std::string argument, config_directory;
};

PostqueueOptions parse_postqueue(int argc, char** argv) {
  PostqueueOptions options;
  auto choose = [&](QueueMode mode) {
    if (options.mode != QueueMode::none) postqueue_fatal(kPostqueueUsage);
    options.mode = mode;
    if (optarg) options.argument = optarg;
  };
  for (int c; (c = getopt(argc, argv, "+c:fi:jps:v")) != -1;) {
    switch (c) {
      case 'c':
        options.config_directory = optarg;
        break;
      case 'f':
        choose(QueueMode::flush);
        break;
      case 'i':
        choose(QueueMode::flush_id);
        break;
      case 'j':
        choose(QueueMode::json);
        break;
      case 'p':
        choose(QueueMode::list);
        break;
      case 's':
        choose(QueueMode::flush_site);
        break;
      case 'v':
        break;
      default:
        postqueue_fatal(kPostqueueUsage);
    }
  }
  if (options.mode == QueueMode::none || optind < argc) postqueue_fatal(kPostqueueUsage);
  return options;
}

void check_user(const conf::MainCf& cf, const char* parameter, std::string_view doing) {
  auto allowed = is_listed_user(cf, parameter, calling_user());
  if (!allowed) postqueue_fatal(allowed.error().text, kNoPermission);
  if (!*allowed)
    postqueue_fatal(
        format("User {}({}) is not allowed to {} the mail queue", calling_user(), getuid(), doing),
        kNoPermission);
}

// Without a mail system the superuser runs showq himself, on one end of a socket pair.
Fd run_showq(const conf::MainCf& cf) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    postqueue_fatal(format("socketpair: {}", strerror(errno)), kSoftware);
  std::string path = cf.get("daemon_directory") + "/showq";
  setenv("MAIL_CONFIG", cf.config_directory().c_str(), 1);
  pid_t child = fork();
  if (child < 0) postqueue_fatal(format("fork: {}", strerror(errno)), kSoftware);
  if (child == 0) {
    dup2(pair[1], STDIN_FILENO);
    dup2(pair[1], STDOUT_FILENO);
    execl(path.c_str(), "showq", "-u", "-S", nullptr);
    postqueue_log().fatal("{}: {}", path, strerror(errno));
    _exit(1);
  }
  close(pair[1]);
  return Fd(pair[0]);
}

Fd open_showq(const conf::MainCf& cf) {
  Fd showq = connect_daemon("public/" + cf.get("showq_service_name"));
  if (showq) return showq;
  std::string reason = strerror(errno);
  if (geteuid() != 0) postqueue_fatal(format("Queue report unavailable - mail system is down"));
  postqueue_log().warning(
      "Mail system is down -- accessing queue directly (Connect to the Postfix showq service: {})",
      reason);
  return run_showq(cf);
}

void print_or_end(const std::string& text) {
  // The reader may have had enough (| head): that is no error.
  if (!base::write_all(STDOUT_FILENO, text)) exit(errno == EPIPE ? 0 : kSoftware);
}

void list_queue(const conf::MainCf& cf, bool json) {
  Fd showq = open_showq(cf);
  QueueTable table(cf.get("enable_long_queue_ids") == "yes");
  std::string input(65536, '\0'), held;
  bool greeted = false;
  for (;;) {
    ssize_t got = read(showq.get(), input.data(), input.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) postqueue_fatal("malformed showq server response");
    held.append(input, 0, static_cast<size_t>(got));
    std::string_view rest = held;
    while (auto attributes = take_listed(rest)) {
      bool end = attributes->empty();
      // Older services do not greet.
      bool greeting = !end && !greeted && attributes->front().first == "protocol";
      greeted = true;
      if (greeting) continue;
      if (end) {
        if (!json) print_or_end(table.end());
        return;
      }
      auto entry = ListedEntry::parse(*attributes);
      if (!entry) postqueue_fatal("malformed showq server response");
      print_or_end(json ? json_entry(*entry) : table.entry(*entry));
    }
    held.erase(0, held.size() - rest.size());
  }
}

void flush_queue(const conf::MainCf& cf) {
  // Dead destinations are forgotten, time stamps ignored, both queues scanned.
  if (!trigger_daemon(postqueue_log(), "public/" + cf.get("queue_service_name"), "FADI"))
    postqueue_fatal(kMailSystemDown);
  if (!trigger_daemon(postqueue_log(), "public/" + cf.get("pickup_service_name"), "I"))
    postqueue_fatal(kMailSystemDown);
}

enum class FlushStatus { failed = -1, ok = 0, bad = 1, denied = 2 };

FlushStatus ask_flush(const conf::MainCf& cf, std::string_view request, std::string_view name,
                      const std::string& value) {
  std::string path = "public/" + cf.get("flush_service_name");
  Fd flush = connect_daemon(path);
  if (!flush) {
    postqueue_log().warning("connect to {}: {}", path, strerror(errno));
    return FlushStatus::failed;
  }
  std::string message = "request";
  for (std::string_view word : {request, name, std::string_view(value), std::string_view()})
    (message += '\0') += word;
  message += '\0';
  if (!base::write_all(flush.get(), message)) return FlushStatus::failed;
  std::string held;
  char chunk[1024];
  for (ssize_t got; (got = read(flush.get(), chunk, sizeof chunk)) > 0 && held.size() < 65536;) {
    held.append(chunk, static_cast<size_t>(got));
    std::string_view rest = held;
    while (auto answer = take_listed(rest)) {
      for (auto& [key, text] : *answer) {
        if (key == "status")
          return static_cast<FlushStatus>(base::parse_number<int>(text).value_or(-1));
      }
    }
  }
  return FlushStatus::failed;
}

void flush_message(const conf::MainCf& cf, const std::string& queue_id) {
  if (!mail::is_queue_id(queue_id))
    postqueue_fatal(
        format("Cannot flush queue ID - invalid name: \"{}\"", base::printable(queue_id)));
  switch (ask_flush(cf, "send_file", "queue_id", queue_id)) {
    case FlushStatus::ok:
      return;
    case FlushStatus::bad:
      postqueue_fatal(format("Invalid request: \"{}\"", queue_id));
    default:
      postqueue_fatal(kMailSystemDown);
  }
}

bool is_site(std::string_view text) {
  if (text.starts_with('[')) {
    if (!text.ends_with(']')) return false;
    text.remove_prefix(1);
    text.remove_suffix(1);
  }
  for (char c : text) {
    if (!base::is_alnum(c) && c != '-' && c != '.' && c != ':' && c != '_') return false;
  }
  return !text.empty() && text.front() != '.';
}

// What can be told without a table; tables are the flush service's to ask.
bool may_be_fast_flush_domain(const conf::MainCf& cf, std::string_view site) {
  std::string list = cf.get("fast_flush_domains");
  for (std::string_view word : base::words(list, ", \t\r\n")) {
    if (word.find(':') != std::string_view::npos || word.starts_with('/') || word.starts_with('!'))
      return true;
    if (base::iequals(word, site)) return true;
    std::string suffix = word.starts_with('.') ? std::string(word) : '.' + std::string(word);
    if (site.size() > suffix.size() &&
        base::iequals(site.substr(site.size() - suffix.size()), suffix))
      return true;
  }
  return false;
}

void flush_site(const conf::MainCf& cf, const std::string& site) {
  if (!is_site(site))
    postqueue_fatal(
        format("Cannot flush mail queue - invalid destination: \"{}\"", base::printable(site)));
  std::string refused = format("Flush service is not configured for destination \"{}\"", site);
  if (!may_be_fast_flush_domain(cf, site)) postqueue_fatal(refused);
  switch (ask_flush(cf, "send_site", "site", site)) {
    case FlushStatus::ok:
      return;
    case FlushStatus::bad:
      postqueue_fatal(format("Invalid request: \"{}\"", site));
    case FlushStatus::denied:
      postqueue_fatal(refused);
    default:
      postqueue_fatal(kMailSystemDown);
  }
}

int run_postqueue(int argc, char** argv) {
  umask(022);
  open_tool_log();
  scrub_tool_environment();
  PostqueueOptions options = parse_postqueue(argc, argv);
  std::string directory =
      checked_config_directory(postqueue_log(), options.config_directory, kUnavailable);
  conf::MainCf cf = load_tool_configuration(postqueue_log(), directory, kUnavailable);
  if (chdir(cf.get("queue_directory").c_str()) != 0)
    postqueue_fatal(format("chdir {}: {}", cf.get("queue_directory"), strerror(errno)));
  signal(SIGPIPE, SIG_IGN);
  bool lists = options.mode == QueueMode::list || options.mode == QueueMode::json;
  check_user(cf, lists ? "authorized_mailq_users" : "authorized_flush_users",
             lists ? "view" : "flush");
  switch (options.mode) {
    case QueueMode::list:
      list_queue(cf, false);
      break;
    case QueueMode::json:
      list_queue(cf, true);
      break;
    case QueueMode::flush:
      flush_queue(cf);
      break;
    case QueueMode::flush_id:
      flush_message(cf, options.argument);
      break;
    case QueueMode::flush_site:
      flush_site(cf, options.argument);
      break;
    case QueueMode::none:
      break;
  }
  return 0;
}

}  // namespace
}  // namespace dovetail::mta

int main(int argc, char** argv) {
  return dovetail::mta::run_postqueue(argc, argv);
}
