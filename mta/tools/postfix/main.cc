// postfix: starts, stops, reloads and checks the mail system. Its lines go to the log as SYSLOG_NAME/postfix-script, and to
// standard error only if that is a terminal. Manual: postfix(1).
// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "mta/master/lock.h"
#include "mta/tools/common/tool.h"
#include "mta/tools/postfix/check.h"

namespace dovetail::mta {
namespace {

struct Control {
  const conf::MainCf& cf;
  const Installation& installation;
  Logger log;               // postfix-script
  bool more_words = false;  // behind the command

  int fail(const std::string& text) const {
    log.fatal("{}", text);
    return 1;
  }
  bool running() const { return MasterLock::is_held(installation.queue_directory); }
  std::string daemon(const char* name) const { return cf.get("daemon_directory") + '/' + name; }
  std::string command(const char* name) const { return cf.get("command_directory") + '/' + name; }
};

int check_fatal(const Control& control) {
  auto made = make_directories(control.installation, false);
  if (!made) {
    control.log.warning("unable to create missing queue directories: {}", made.error().text);
    return 1;
  }
  std::string master_cf = control.cf.config_directory() + "/master.cf";
  if (struct stat status; stat(master_cf.c_str(), &status) != 0 || !S_ISREG(status.st_mode))
    return control.fail(format("no {} file found", master_cf));
  // Renames what lies in the wrong hash directory, and stops at what it cannot read.
  std::vector<std::string> arguments = {"postsuper"};
  for (const char* queue :
       {"active", "bounce", "defer", "deferred", "flush", "hold", "incoming", "trace"})
    arguments.emplace_back(queue);
  if (access(control.command("postsuper").c_str(), X_OK) != 0) {
    control.log.warning("no program {}: queue files are not checked", control.command("postsuper"));
    return 0;
  }
  return run_and_wait(control.command("postsuper"), arguments) == 0 ? 0 : 1;
}

// Whether the files can be read at all, and which parameters nobody uses: postconf's to say.
int run_postconf(const Control& control) {
  std::string postconf = control.command("postconf");
  if (run_and_wait(postconf, {postconf, "-n"}, true) == 0) return 0;
  return control.fail(format("cannot execute {}!", postconf));
}

int cmd_check(const Control& control) {
  int status = check_fatal(control);
  if (status != 0) return status;
  warn_about_files(control.installation, control.log);
  return run_postconf(control);
}

int start(const Control& control, bool foreground) {
  if (control.running()) {
    auto pid = MasterLock::read_pid(control.installation.queue_directory);
    control.log.info("{}", pid ? format("the lock is held by process {}", *pid)
                               : "the lock's holder left no process ID");
    return control.fail("the Postfix mail system is already running");
  }
  std::string quick_start = control.installation.queue_directory + "/quick-start";
  if (unlink(quick_start.c_str()) != 0) {
    if (check_fatal(control) != 0) return control.fail("Postfix integrity check failed!");
    warn_about_files(control.installation, control.log);
    if (run_postconf(control) != 0) return 1;
  }
  control.log.info("starting the Postfix mail system");
  if (foreground) {
    replace_by(control.log, control.daemon("master"),
               {control.daemon("master"), getpid() == 1 ? "-i" : "-s"});
    return 1;
  }
  if (run_and_wait(control.daemon("master"), {control.daemon("master"), "-w"}) != 0)
    return control.fail("mail system startup failed");
  return 0;
}

int cmd_start(const Control& control) {
  return start(control, false);
}
int cmd_start_fg(const Control& control) {
  return start(control, true);
}

// The master's PID, for a signal; the message is written if there is none.
std::optional<pid_t> running_master(const Control& control) {
  if (!control.running()) {
    control.fail("the Postfix mail system is not running");
    return std::nullopt;
  }
  auto pid = MasterLock::read_pid(control.installation.queue_directory);
  if (!pid || *pid <= 1) {
    control.fail("no process ID in pid/master.pid");
    return std::nullopt;
  }
  return pid;
}

int send_signal(const Control& control, pid_t pid, int number) {
  if (kill(pid, number) == 0) return 0;
  return control.fail(format("kill {}: {}", pid, strerror(errno)));
}

bool wait_for_end(const Control& control) {
  constexpr int kPollsPerSecond = 10, kSeconds = 5;
  for (int poll = 1; poll <= kPollsPerSecond * kSeconds; ++poll) {
    if (!control.running()) return true;
    if (poll % kPollsPerSecond == 0)
      control.log.info("waiting for the Postfix mail system to terminate");
    usleep(1000000 / kPollsPerSecond);
  }
  return !control.running();
}

int cmd_stop(const Control& control) {
  auto pid = running_master(control);
  if (!pid) return 1;
  control.log.info("stopping the Postfix mail system");
  if (send_signal(control, *pid, SIGTERM) != 0) return 1;
  if (wait_for_end(control)) return 0;
  control.log.warning("stopping the Postfix mail system with force");
  kill(-*pid, SIGKILL);
  kill(*pid, SIGKILL);
  return wait_for_end(control) ? 0 : 1;
}

int cmd_abort(const Control& control) {
  auto pid = running_master(control);
  if (!pid) return 1;
  control.log.info("aborting the Postfix mail system");
  return send_signal(control, *pid, SIGTERM);
}

int cmd_reload(const Control& control) {
  auto pid = running_master(control);
  if (!pid) return 1;
  control.log.info("refreshing the Postfix mail system");
  return send_signal(control, *pid, SIGHUP);
}

int cmd_flush(const Control& control) {
  std::string postqueue = control.command("postqueue");
  replace_by(control.log, postqueue, {"postqueue", "-f"});
  return 1;
}

int cmd_status(const Control& control) {
  if (!control.running()) {
    control.log.info("the Postfix mail system is not running");
    return 1;
  }
  auto pid = MasterLock::read_pid(control.installation.queue_directory);
  control.log.info("the Postfix mail system is running: PID: {}", pid ? *pid : 0);
  return 0;
}

int cmd_set_permissions(const Control& control) {
  auto made = make_directories(control.installation, true);
  if (!made) return control.fail(made.error().text);
  auto repaired = repair_programs(control.installation);
  if (!repaired) return control.fail(repaired.error().text);
  return 0;
}

int cmd_upgrade_configuration(const Control& control) {
  auto made = make_directories(control.installation, false);
  if (!made) return control.fail(made.error().text);
  control.log.info("main.cf and master.cf are left as they are: no file format has changed");
  return 0;
}

int cmd_logrotate(const Control& control) {
  if (control.more_words) return control.fail("usage postfix logrotate (no arguments)");
  std::string file = control.cf.get("maillog_file");
  if (file.empty()) return control.fail("'postfix logrotate' needs a non-empty maillog_file value");
  if (file.starts_with("/dev/")) return control.fail(format("not rotating '{}'", file));
  std::string suffix = base::format_time(control.cf.get("maillog_file_rotate_suffix").c_str(),
                                         base::wall_now().seconds);
  std::string old = file + '.' + suffix;
  if (base::file_exists(old)) return control.fail(format("'{}' already exists", old));
  if (rename(file.c_str(), old.c_str()) != 0)
    return control.fail(format("rename {} to {}: {}", file, old, strerror(errno)));
  // Daemons open the new file with their next generation.
  if (control.running()) {
    auto pid = MasterLock::read_pid(control.installation.queue_directory);
    if (pid && *pid > 1) kill(*pid, SIGHUP);
    sleep(1);
  }
  std::string compressor = control.cf.get("maillog_file_compressor");
  if (compressor.empty()) return 0;
  return run_and_wait("/usr/bin/env", {"env", compressor, old});
}

struct Command {
  std::string_view name;
  int (*run)(const Control& control);
};
// clang-format off
constexpr Command kCommands[] = {
    {"start", cmd_start},   {"start-fg", cmd_start_fg}, {"stop", cmd_stop},   {"reload", cmd_reload}, {"abort", cmd_abort},
    {"flush", cmd_flush},   {"check", cmd_check},       {"status", cmd_status},
    {"set-permissions", cmd_set_permissions},           {"upgrade-configuration", cmd_upgrade_configuration},
    {"logrotate", cmd_logrotate},
};
// clang-format on
constexpr const char* kUsage =
    "unknown command: '{}'. Usage: postfix start (or stop, reload, abort, flush, check, status, "
    "set-permissions, "
    "upgrade-configuration, logrotate)";

int run_command(const Control& control, const std::string& word) {
  for (const Command& command : kCommands) {
    if (command.name == word) return command.run(control);
  }
  return control.fail(fmt::vformat(kUsage, fmt::make_format_args(word)));
}

int run_postfix_command(int argc, char** argv) {
  Logger log("postfix");
  open_tool_log();
  umask(022);
  std::string config_directory;
  for (int c; (c = getopt(argc, argv, "+c:Dv")) != -1;) {
    if (c == 'c') config_directory = optarg;
    if (c == '?') tool_fatal(log, 1, "usage: postfix [-c config_dir] [-Dv] command");
  }
  // The programs we run find the same files.
  setenv("MAIL_CONFIG", conf::config_directory(config_directory).c_str(), 1);
  conf::MainCf cf = load_tool_configuration(log, {}, 1);
  auto installation = Installation::find(cf);
  if (!installation) tool_fatal(log, 1, installation.error().text);
  // An ordinary user may run a mail system of his own.
  if (geteuid() != 0 && geteuid() != installation->owner)
    tool_fatal(log, 1, "the postfix command is reserved for the superuser");
  if (!cf.get("multi_instance_directories").empty())
    log.warning("multi_instance_directories: only the instance {} is handled",
                cf.config_directory());
  // A queue that is not there is a mistake, or a disk that is not mounted: nothing is begun in its place.
  if (chdir(installation->queue_directory.c_str()) != 0)
    tool_fatal(log, 1, format("chdir({}): {}", installation->queue_directory, strerror(errno)));
  if (access(cf.get("daemon_directory").c_str(), F_OK) != 0)
    tool_fatal(log, 1,
               format("{}/postfix-script: {}", cf.get("daemon_directory"), strerror(errno)));
  bool terminal = isatty(STDERR_FILENO);
  base::LogTarget target = base::log_target();
  target.to_stderr = terminal;
  target.tag_prefix.clear();
  base::open_log(target);
  Control control{cf, *installation, Logger(cf.get("syslog_name") + "/postfix-script"),
                  optind + 1 < argc};
  return run_command(control, optind < argc ? argv[optind] : "");
}

}  // namespace
}  // namespace dovetail::mta

int main(int argc, char** argv) {
  return dovetail::mta::run_postfix_command(argc, argv);
}
