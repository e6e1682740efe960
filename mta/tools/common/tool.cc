// SPDX-License-Identifier: Apache-2.0
#include "mta/tools/common/tool.h"

#include <pwd.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "common/base/text.h"
#include "conf/postfix/common_parameters.h"

namespace dovetail::mta {

namespace {

struct ToolFacility {
  std::string_view name;
  int number;
};
// clang-format off
constexpr ToolFacility kToolFacilities[] = {
    {"auth", LOG_AUTH},     {"authpriv", LOG_AUTHPRIV}, {"cron", LOG_CRON},     {"daemon", LOG_DAEMON}, {"lpr", LOG_LPR},
    {"mail", LOG_MAIL},     {"news", LOG_NEWS},         {"user", LOG_USER},     {"uucp", LOG_UUCP},     {"local0", LOG_LOCAL0},
    {"local1", LOG_LOCAL1}, {"local2", LOG_LOCAL2},     {"local3", LOG_LOCAL3}, {"local4", LOG_LOCAL4}, {"local5", LOG_LOCAL5},
    {"local6", LOG_LOCAL6}, {"local7", LOG_LOCAL7},
};
// clang-format on

std::vector<char*> argument_pointers(const std::vector<std::string>& arguments) {
  std::vector<char*> pointers;
  for (const std::string& word : arguments) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

void open_tool_log() {
  base::LogTarget target;
  target.to_syslog = true;
  target.tag_prefix = "postfix/";
  base::open_log(target);
}

void open_tool_log(const conf::MainCf& cf, bool to_stderr) {
  base::LogTarget target;
  target.to_stderr = to_stderr;
  target.tag_prefix = cf.get("syslog_name") + "/";
  for (const ToolFacility& facility : kToolFacilities) {
    if (facility.name == cf.get("syslog_facility")) target.facility = facility.number;
  }
  target.file = cf.get("maillog_file");
  target.to_syslog = target.file.empty();
  // Who may not write the file asks postlogd to.
  std::string directory(base::dirname(target.file));
  bool writable = access(target.file.c_str(), W_OK) == 0 ||
                  (errno == ENOENT && access(directory.c_str(), W_OK) == 0);
  if (!target.file.empty() && !writable && geteuid() != 0) {
    target.file.clear();
    target.to_syslog = true;
    target.syslog_socket = cf.get("queue_directory") + "/public/" + cf.get("postlog_service_name");
  }
  base::open_log(target);
}

void tool_fatal(const Logger& log, int status, const std::string& text) {
  log.fatal("{}", text);
  exit(status);
}

conf::MainCf load_tool_configuration(const Logger& log, const std::string& dash_c, int status) {
  conf::LoadOptions options;
  options.process_name = log.name();
  options.warn = [&log](const std::string& text) { log.warning("{}", text); };
  auto cf = conf::MainCf::load(conf::config_directory(dash_c), {}, options);
  if (!cf) tool_fatal(log, status, cf.error().text);
  auto valid = conf::check_common_parameters(*cf);
  if (!valid) tool_fatal(log, status, valid.error().text);
  open_tool_log(*cf);
  return std::move(*cf);
}

bool is_set_id_run() {
  return getauxval(AT_SECURE) != 0;
}

void scrub_tool_environment() {
  std::string config = getenv("MAIL_CONFIG") ? getenv("MAIL_CONFIG") : "";
  std::string zone = getenv("TZ") ? getenv("TZ") : "";
  clearenv();
  setenv("PATH", "/usr/bin:/bin", 1);
  if (!zone.empty()) setenv("TZ", zone.c_str(), 1);
  if (!config.empty()) setenv("MAIL_CONFIG", config.c_str(), 1);
}

std::string checked_config_directory(const Logger& log, const std::string& wanted, int status) {
  std::string directory = conf::config_directory(wanted);
  unsetenv("MAIL_CONFIG");
  std::string standard = conf::config_directory();
  if (!is_set_id_run() || getuid() == 0 || directory == standard) return directory;
  conf::LoadOptions options;
  options.process_name = log.name();
  auto cf = conf::MainCf::load(standard, {}, options);
  if (cf) {
    std::string allowed =
        cf->get("alternate_config_directories") + ' ' + cf->get("multi_instance_directories");
    for (std::string_view word : base::words(allowed, ", \t\r\n")) {
      if (word == directory) return directory;
    }
  }
  tool_fatal(log, status, format("unauthorized configuration directory name: {}", directory));
}

std::string calling_user() {
  const passwd* entry = getpwuid(getuid());
  return entry ? entry->pw_name : format("uid {}", getuid());
}

Result<bool> is_listed_user(const conf::MainCf& cf, std::string_view parameter,
                            std::string_view user) {
  std::string list = cf.get(parameter);
  for (std::string_view word : base::words(list, ", \t\r\n")) {
    bool deny = word[0] == '!';
    if (deny) word.remove_prefix(1);
    bool everyone = word.starts_with("static:");
    bool foreign =
        word.find(':') != std::string_view::npos || word.find('/') != std::string_view::npos;
    if (!everyone && foreign)
      return config_error(format("{}: {} is not supported here", parameter, word));
    if (everyone || base::iequals(word, user)) return !deny;
  }
  return false;
}

void replace_by(const Logger& log, const std::string& path,
                const std::vector<std::string>& arguments) {
  auto pointers = argument_pointers(arguments);
  execv(path.c_str(), pointers.data());
  log.warning("exec {}: {}", path, strerror(errno));
}

int run_and_wait(const std::string& path, const std::vector<std::string>& arguments, bool quiet) {
  auto pointers = argument_pointers(arguments);
  pid_t child = fork();
  if (child < 0) return -1;
  if (child == 0) {
    int null = quiet ? open("/dev/null", O_WRONLY) : -1;
    if (null >= 0) dup2(null, STDOUT_FILENO);
    execv(path.c_str(), pointers.data());
    _exit(127);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

Fd connect_daemon(const std::string& path, bool wait) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return Fd();
  }
  memcpy(address.sun_path, path.data(), path.size());
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (wait ? 0 : SOCK_NONBLOCK), 0));
  if (!fd || ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0)
    return fd;
  int error = errno;
  fd.reset();
  errno = error;
  return fd;
}

bool trigger_daemon(const Logger& log, const std::string& path, std::string_view bytes) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) {
    log.warning("unable to look up {}: {}", path, strerror(errno));
    return false;
  }
  if (S_ISFIFO(status.st_mode)) {
    Fd fifo(open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    return fifo &&
           write(fifo.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
  }
  // What wakes a service must not hang on it.
  Fd socket = connect_daemon(path, false);
  if (!socket) {
    log.warning("connect to {}: {}", path, strerror(errno));
    return false;
  }
  return send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
         static_cast<ssize_t>(bytes.size());
}

}  // namespace dovetail::mta
