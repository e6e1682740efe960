// dovecot: the parent of the delivery-and-access services. Reads the configuration tree alone, owns listeners and children.
// Options: -c FILE, -F (foreground), -p (ask for the ssl key password), -n, -a (run doveconf), --version, --build-options,
// --hostdomain, --help; `dovecot reload` and `dovecot stop` are doveadm's. Manual: dovecot(1).
// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <getopt.h>
#include <netdb.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

#include "common/base/clock.h"
#include "common/base/lock.h"
#include "common/base/text.h"
#include "common/service/confine.h"
#include "common/service/daemonize.h"
#include "common/service/run_dovecot.h"
#include "common/service/certificate_store.h"
#include "common/service/supervisor.h"
#include "common/service/ticket_rotation.h"
#include "conf/dovecot/settings.h"
#include "config.h"
#include "mda/master/certificates.h"
#include "mda/master/service_table.h"

namespace dovetail::mda {
namespace {

using namespace std::chrono_literals;
using conf::dovecot::Tree;

constexpr int kFatalStatus = 89;
constexpr const char* kDefaultConfig = "/etc/dovecot/dovecot.conf";
constexpr const char* kVersion = "2.3.19.1";

int fail(const std::string& text) {
  fmt::print(stderr, "{}\n", text);
  return kFatalStatus;
}

// The killer of a signal, as the incumbent's log names him; written by the handler, read by the loop.
struct Killer {
  volatile sig_atomic_t pid = 0, uid = 0, code = 0;
};
Killer& killer() {
  static Killer who;
  return who;
}

class DovecotMaster : public service::Supervisor::Owner {
 public:
  DovecotMaster(net::Loop& loop, std::string config_file, Logger log)
      : loop_(loop),
        config_file_(std::move(config_file)),
        log_(std::move(log)),
        supervisor_(loop, *this),
        certificates_(loop, log_, [this] { certificates_renewed(); }),
        tickets_(loop, supervisor_) {}

  Result<void> take(const Tree& tree) {
    tickets_.set_period(1h);
    certificates_.configure(certificate_pairs(tree), certificate_roots(tree));
    auto table = service_table(with_contents(tree, certificates_.files()));
    if (!table) return table.error();
    for (auto& warning : table->warnings) log_.warning("{}", warning);
    for (auto& warning : tree.warnings()) log_.warning("{}", warning);
    for (auto& setting : tree.unsupported()) {
      if (setting.file.empty()) continue;
      log_.warning("{} line {}: setting {} is not supported yet{}", setting.file, setting.line, setting.path,
                   setting.action == conf::dovecot::Unsupported::Action::ignore ? " and has no effect" : "");
    }
    auto configured = supervisor_.configure(std::move(table->specs));
    if (configured) tree_ = tree;
    return configured;
  }

  void reload() {
    log_.warning("SIGHUP received - reloading configuration");
    auto tree = conf::dovecot::load(config_file_);
    if (!tree) return log_.error("Config reading failed: {}", tree.error().text);
    auto taken = take(*tree);
    if (taken) return;
    log_.error("{} - the old configuration stays in use", taken.error().text);
    certificates_.configure(certificate_pairs(tree_), certificate_roots(tree_));
  }

  void terminate(int number) {
    if (std::exchange(ending_, true)) return;
    auto& who = killer();
    log_.warning("Killed with signal {} (by pid={} uid={} code={})", number, static_cast<int>(who.pid),
                 static_cast<int>(who.uid), who.code == SI_USER ? "kill" : "unknown");
    supervisor_.stop(4s, [this] { loop_.stop(); });
  }

  std::chrono::milliseconds child_ended(const service::Supervisor::Ended& ended) override {
    auto& name = ended.spec.name;
    service::ControlMessage gone{"gone", {}};
    gone.fields["broker"] = std::to_string(ended.pid);
    if (auto* known = find_known_service(name); known && known->kind == ServiceKind::mail) supervisor_.tell(name, gone);
    if (ended.asked || (WIFEXITED(ended.status) && WEXITSTATUS(ended.status) == 0)) {
      pause_.erase(name);
      return 0ms;
    }
    if (WIFSIGNALED(ended.status)) {
      // In the child's name, as the incumbent's log process writes it.
      Logger(name).fatal("master: service({}): child {} killed with signal {}", name, ended.pid, WTERMSIG(ended.status));
    } else {
      log_.error("service({}): child {} returned error {}", name, ended.pid, WEXITSTATUS(ended.status));
    }
    if (ended.ready) {
      pause_.erase(name);
      return 0ms;
    }
    auto& pause = pause_[name];
    pause = pause == 0s ? 2s : std::min<std::chrono::seconds>(pause * 2, 60s);
    log_.error("service({}): command startup failed, throttling for {}.000 secs", name, pause.count());
    return pause;
  }

  // Brokers of two generations: whom the old one still has, and who is to be kicked there.
  void child_said(const service::ServiceSpec& spec, pid_t, const service::ControlMessage& message,
                  std::vector<base::Fd> fds) override {
    if (message.verb == "kick") return supervisor_.tell_process(static_cast<pid_t>(message.number("broker")), message);
    if (message.verb != "online" && message.verb != "offline") return;
    std::vector<int> passed;
    for (auto& fd : fds) passed.push_back(fd.get());
    supervisor_.tell(spec.name, message, passed);
  }

  void limit_reached(const service::ServiceSpec& spec) override {
    auto now = base::monotonic_now();
    auto& last = limit_said_[spec.name];
    if (last != base::Milliseconds(0) && now - last < 8s) return;
    last = now;
    log_.warning("service({}): {} ({}) reached, client connections are being dropped", spec.name,
                 spec.hello.get("limit_name"), spec.hello.get("limit_value"));
  }

  void cannot_start(const service::ServiceSpec& spec, const Error& error) override {
    log_.error("service({}): {}", spec.name, error.text);
  }

 private:
  // The running processes get the new pair; configuration files are not looked at.
  void certificates_renewed() {
    auto table = service_table(with_contents(tree_, certificates_.files()));
    if (!table) return log_.error("{}", table.error().wrap("new certificate").text);
    for (auto& spec : table->specs) {
      if (spec.wants_tickets) supervisor_.renew(spec.name, std::move(spec.settings));
    }
    log_.info("certificates were renewed");
  }

  net::Loop& loop_;
  std::string config_file_;
  Logger log_;
  Tree tree_;  // in use
  service::Supervisor supervisor_;
  service::CertificateStore certificates_;
  service::TicketRotation tickets_;
  std::map<std::string, std::chrono::seconds> pause_;
  std::map<std::string, base::Milliseconds> limit_said_;
  bool ending_ = false;
};

// --- start

// base_dir and what must be in it; only the parent may make them.
Result<void> make_base_directories(const conf::dovecot::View& view) {
  auto base_dir = view.get("base_dir");
  auto made = base::make_directories(base_dir, 0755);
  if (!made) return made;
  struct Row {
    const char* name;
    mode_t mode;
    std::string group;
  };
  auto login_user = service::find_user(view.get("default_login_user"));
  for (auto& row : {Row{"login", 0750, login_user ? std::to_string(login_user->gid) : ""}, Row{"empty", 0755, ""},
                    Row{"token-login", 0750, login_user ? std::to_string(login_user->gid) : ""}}) {
    auto path = base_dir + "/" + row.name;
    if (::mkdir(path.c_str(), row.mode) != 0 && errno != EEXIST) return errno_error("mkdir " + path, errno);
    if (::geteuid() == 0 && !row.group.empty()) {
      auto gid = base::parse_number<gid_t>(row.group).value_or(0);
      if (::chown(path.c_str(), 0, gid) != 0) return errno_error("chown " + path, errno);
    }
    ::chmod(path.c_str(), row.mode);
  }
  return {};
}

Result<base::Fd> take_pid_file(const std::string& base_dir) {
  auto path = base_dir + "/master.pid";
  auto fd = base::open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0644);
  if (!fd) return fd.error();
  auto locked = base::try_flock(fd->get(), base::LockKind::exclusive);
  if (!locked) return locked.error();
  auto text = base::read_file(path, 4096);
  pid_t pid = text ? base::parse_number<pid_t>(base::trim(*text)).value_or(0) : 0;
  if (!*locked) {
    return config_error(format("Dovecot is already running with PID {} (read from {})", pid, path));
  }
  // The real dovecot takes no flock: a living process in the file is believed as well.
  if (pid > 0 && pid != ::getpid() && ::kill(pid, 0) == 0) {
    return config_error(format("Dovecot is already running with PID {} (read from {})", pid, path));
  }
  return fd;
}

Result<void> write_pid(int fd) {
  if (::ftruncate(fd, 0) != 0) return errno_error("truncate master.pid", errno);
  ::lseek(fd, 0, SEEK_SET);
  return base::write_all(fd, format("{}\n", ::getpid()));
}

void link_config(const std::string& base_dir, const std::string& config_file) {
  auto link = base_dir + "/dovecot.conf";
  ::unlink(link.c_str());
  (void)!::symlink(config_file.c_str(), link.c_str());
}

void remember_killer(int number, void (*handler)(int, siginfo_t*, void*)) {
  struct sigaction action {};
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  sigaction(number, &action, nullptr);
}

int& signal_pipe_end() {
  static int fd = -1;  // the handler has no other way to know it
  return fd;
}

void note_termination(int number, siginfo_t* info, void*) {
  auto& who = killer();
  who.pid = info->si_pid;
  who.uid = static_cast<sig_atomic_t>(info->si_uid);
  who.code = info->si_code;
  char byte = static_cast<char>(number);
  (void)!::write(signal_pipe_end(), &byte, 1);
}

Task<> wait_for_termination(net::Loop& loop, int fd, DovecotMaster& master) {
  net::Watch watch(loop, fd);
  for (;;) {
    char number = 0;
    if (::read(fd, &number, 1) == 1) master.terminate(number);
    else watch.not_readable();
    co_await watch.readable(std::nullopt);
  }
}

// "imap pop3 lmtp" as "imap, pop3, lmtp".
std::string protocol_list(const conf::dovecot::View& view) {
  std::vector<std::string> names;
  auto protocols = view.get("protocols");
  for (auto word : base::words(protocols)) names.emplace_back(word);
  return base::join(names, ", ");
}

int serve(const std::string& config_file, const Tree& tree, const conf::dovecot::View& view,
          const std::function<void()>& ready) {
  Logger log("master");
  net::Loop loop;
  DovecotMaster master(loop, config_file, log);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return fail("Fatal: pipe() failed");
  signal_pipe_end() = ends[1];
  net::spawn(wait_for_termination(loop, ends[0], master), log);
  remember_killer(SIGTERM, note_termination);
  remember_killer(SIGINT, note_termination);
  net::Signal hangup(loop, SIGHUP, [&] { master.reload(); });
  net::Signal reopen(loop, SIGUSR1, [&] { base::open_log(base::log_target()); });
  // Everything that can be wrong is found before the terminal is given back.
  auto taken = master.take(tree);
  if (!taken) {
    bool listener = taken.error().text.find("bind") != std::string::npos;
    log.write(listener ? base::Level::error : base::Level::fatal, taken.error().text);
    if (listener) log.fatal("Failed to start listeners");
    fmt::print(stderr, "{}: {}\n{}", listener ? "Error" : "Fatal", taken.error().text,
               listener ? "Fatal: Failed to start listeners\n" : "");
    return kFatalStatus;
  }
  log.info("Dovecot v{} (Dovetail {}) starting up for {} (core dumps disabled)", kVersion, DOVETAIL_VERSION, protocol_list(view));
  ready();
  loop.run();
  return 0;
}

int run_dovecot(const std::string& config_file, bool foreground) {
  struct stat st {};
  if (::stat(config_file.c_str(), &st) != 0) {
    return fail(format("Fatal: Error reading configuration: stat({}) failed: {}", config_file, errno_error("", errno).text.substr(2)));
  }
  auto tree = conf::dovecot::load(config_file);
  if (!tree) return fail("doveconf: Fatal: " + tree.error().text);
  auto view = tree->view({});
  if (!view) return fail("doveconf: Fatal: " + view.error().text);
  for (auto& setting : tree->unsupported()) {
    if (setting.action != conf::dovecot::Unsupported::Action::fatal) continue;
    return fail(format("Fatal: {} line {}: setting {} is not supported yet", setting.file, setting.line, setting.path));
  }
  auto base_dir = (*view)->get("base_dir");
  auto made = make_base_directories(**view);
  if (!made) return fail("Fatal: " + made.error().text);
  auto pid_file = take_pid_file(base_dir);
  if (!pid_file) return fail("Fatal: " + pid_file.error().text);

  auto target = service::dovecot_log_target(**view);
  bool stderr_log = target.to_stderr;
  target.to_stderr = false;
  base::open_log(target);
  ::signal(SIGPIPE, SIG_IGN);
  ::prctl(PR_SET_DUMPABLE, 0);  // keys pass through here
  ::umask(0);
  auto daemon = foreground ? service::Daemonized() : service::Daemonized::detach();
  auto written = write_pid(pid_file->get());
  if (!written) return fail("Fatal: " + written.error().text);
  link_config(base_dir, config_file);
  int status = serve(config_file, *tree, **view, [&] {
    daemon.ready();
    target.to_stderr = stderr_log && foreground;
    base::open_log(target);
  });
  ::unlink((base_dir + "/master.pid").c_str());
  return status;
}

// --- command line

constexpr const char* kUsage =
    "Usage: dovecot [-F] [-c <config file>] [-p] [-n] [-a] [--help] [--version]\n"
    "       [--build-options] [--hostdomain] [reload] [stop]\n";

int exec_tool(const char* tool, std::vector<std::string> words) {
  auto path = std::string(DOVETAIL_USER_BINDIR) + "/" + tool;
  words.insert(words.begin(), tool);
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::execv(path.c_str(), argv.data());
  return fail(format("Fatal: execv({}) failed: {}", path, errno_error("", errno).text.substr(2)));
}

int print_host_domain() {
  char name[256] = "";
  gethostname(name, sizeof name - 1);
  addrinfo hints{}, *found = nullptr;
  hints.ai_flags = AI_CANONNAME;
  std::string domain = name;
  if (getaddrinfo(name, nullptr, &hints, &found) == 0) {
    if (found->ai_canonname) domain = found->ai_canonname;
    freeaddrinfo(found);
  }
  fmt::print("{}\n", domain);
  return 0;
}

int dovecot_main(int argc, char** argv) {
  enum { kVersionFlag = 256, kBuildFlag, kHostFlag, kHelpFlag };
  static const option long_options[] = {{"version", no_argument, nullptr, kVersionFlag},
                                        {"build-options", no_argument, nullptr, kBuildFlag},
                                        {"hostdomain", no_argument, nullptr, kHostFlag},
                                        {"help", no_argument, nullptr, kHelpFlag},
                                        {nullptr, 0, nullptr, 0}};
  std::string config_file = kDefaultConfig;
  bool foreground = false, config_given = false;
  for (int c; (c = getopt_long(argc, argv, "+Fc:anp", long_options, nullptr)) != -1;) {
    switch (c) {
      case 'F': foreground = true; break;
      case 'c':
        config_file = optarg;
        config_given = true;
        break;
      case 'n':
      case 'a': return exec_tool("doveconf", {c == 'n' ? "-n" : "-a", "-c", config_file});
      case 'p': return fail("Fatal: -p: keys with a password typed in at start are not supported yet; use ssl_key_password");
      case kVersionFlag: fmt::print("{} (Dovetail {})\n", kVersion, DOVETAIL_VERSION); return 0;
      case kBuildFlag:
        fmt::print("Build options: ioloop=libevent notify=inotify openssl\nSQL drivers: mysql sqlite\n"
                   "Passdb: pam passwd passwd-file shadow sql static\nUserdb: passwd passwd-file prefetch sql static\n");
        return 0;
      case kHostFlag: return print_host_domain();
      case kHelpFlag: fmt::print(stderr, "{}", kUsage); return 0;
      default: fmt::print(stderr, "{}", kUsage); return kFatalStatus;
    }
  }
  if (optind < argc) {
    std::vector<std::string> words;
    if (config_given) words = {"-c", config_file};
    words.insert(words.end(), argv + optind, argv + argc);
    return exec_tool("doveadm", words);
  }
  if (!config_file.starts_with("/")) {
    char here[4096];
    if (::getcwd(here, sizeof here)) config_file = std::string(here) + "/" + config_file;
  }
  return run_dovecot(config_file, foreground);
}

}  // namespace
}  // namespace dovetail::mda

int main(int argc, char** argv) { return dovetail::mda::dovecot_main(argc, argv); }
