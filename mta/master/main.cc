// master: the parent of the MTA. Reads main.cf and master.cf, owns listeners, locks and children; never a foreign byte.
// Options: -c DIR, -d (keep the terminal), -s (the same), -i (as process 1), -t (is a master running?), -w (in the background;
// the command returns when it serves), -v, -D, -e SECONDS. Manual: master(8).
// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <deque>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/service/daemonize.h"
#include "common/service/run_postfix.h"
#include "common/service/supervisor.h"
#include "common/service/ticket_rotation.h"
#include "conf/bind.h"
#include "conf/postfix/common_parameters.h"
#include "mta/master/certificates.h"
#include "mta/master/lock.h"
#include "mta/master/service_table.h"

namespace dovetail::mta {
namespace {

using namespace std::chrono_literals;
using service::ServiceSpec;

class Master : public service::Supervisor::Owner {
 public:
  Master(net::Loop& loop, conf::MainCf cf, Logger log)
      : loop_(loop),
        cf_(std::move(cf)),
        log_(std::move(log)),
        supervisor_(loop, *this),
        certificates_(loop, log_, supervisor_),
        tickets_(loop, supervisor_) {}

  Result<void> load() {
    auto options = conf::MasterCfOptions{[this](const std::string& text) { log_.warning("{}", text); }, true};
    auto lines = conf::load_master_cf(cf_.config_directory() + "/master.cf", options);
    if (!lines) return lines.error();
    keep_last_of_each(*lines);
    auto specs = service_table(*lines, cf_);
    if (!specs) return specs.error();
    auto pause = conf::read_time(cf_, "service_throttle_time");
    if (!pause) return pause.error();
    throttle_ = *pause;
    auto sessions = conf::read_time(cf_, "smtpd_tls_session_cache_timeout");
    if (!sessions) return sessions.error();
    for (auto& spec : *specs) warn_unusable(spec);
    auto named = name_unsupported();
    if (!named) return named;
    tickets_.set_period(sessions->count() > 0 ? std::chrono::duration_cast<std::chrono::seconds>(*sessions) : 3600s);
    certificates_.take(*lines, cf_, *specs);
    return supervisor_.configure(std::move(*specs));
  }

  void keep_standard_error() { supervisor_.keep_standard_error(true); }

  void reload() {
    log_.info("reload -- version {}, configuration {}", cf_.get("mail_version"), cf_.config_directory());
    auto cf = load_main_cf(cf_.config_directory(), log_);
    if (!cf) return log_.error("{} -- the old configuration stays in use", cf.error().text);
    auto before = std::exchange(cf_, std::move(*cf));
    auto loaded = load();
    if (loaded) return;
    log_.error("{} -- the old configuration stays in use", loaded.error().text);
    cf_ = std::move(before);
  }

  void terminate(int number) {
    if (std::exchange(ending_, true)) return;
    log_.info("terminating on signal {}", number);
    supervisor_.stop(4s, [this] { loop_.stop(); });
  }

  // main.cf with the parameters checked that all programs share: no child could start without them.
  static Result<conf::MainCf> load_main_cf(const std::string& config_directory, const Logger& log) {
    conf::LoadOptions options;
    options.process_name = "master";
    options.warn = [&log](const std::string& text) { log.warning("{}", text); };
    auto cf = conf::MainCf::load(config_directory, {}, options);
    if (!cf) return cf.error();
    auto valid = conf::check_common_parameters(*cf);
    if (valid) valid = conf::check_owner(*cf);
    if (!valid) return valid.error();
    return cf;
  }

  std::chrono::milliseconds child_ended(const service::Supervisor::Ended& ended) override {
    if (ended.asked || (WIFEXITED(ended.status) && WEXITSTATUS(ended.status) == 0)) return 0ms;
    if (WIFSIGNALED(ended.status)) {
      log_.warning("process {} pid {} killed by signal {}", ended.spec.path, ended.pid, WTERMSIG(ended.status));
    } else {
      log_.warning("process {} pid {} exit status {}", ended.spec.path, ended.pid, WEXITSTATUS(ended.status));
    }
    // One crash after good service is no reason to stop serving; one that returns at once is.
    if (ended.ready && !crashes_often(ended.spec.name)) return 0ms;
    log_.warning("{}: bad command startup -- throttling", ended.spec.path);
    return throttle_;
  }

  void limit_reached(const ServiceSpec& spec) override {
    auto now = base::monotonic_now();
    auto& last = limit_said_[spec.name];
    if (last != base::Milliseconds(0) && now - last < 1000s) return;
    last = now;
    auto name = spec.name.substr(0, spec.name.find(' '));
    bool host = name.find(':') != name.npos || spec.listeners.front().kind != service::ListenerSpec::Kind::inet;
    auto resolved = host ? name : std::to_string(spec.listeners.front().address.port());
    log_.warning("service \"{}\" ({}) has reached its process limit \"{}\": new clients may experience noticeable delays",
                 name, resolved, spec.clients_max);
    log_.warning("to avoid this condition, increase the process count in master.cf or reduce the service time per client");
    log_.warning("see http://www.postfix.org/STRESS_README.html for examples of stress-adapting configuration settings");
  }

  void cannot_start(const ServiceSpec& spec, const Error& error) override {
    log_.warning("service {}: cannot start {}", spec.name, error.text);
  }

 private:
  // What main.cf asks for and no program of ours does is said once, here, by name (design: nothing is ignored silently).
  Result<void> name_unsupported() {
    auto names = [&](conf::Unsupported action) { return conf::unsupported_parameters(cf_, action); };
    for (auto& name : names(conf::Unsupported::fatal)) return config_error(name + " is not supported");
    for (auto& name : names(conf::Unsupported::defer)) {
      log_.warning("{} is not supported yet: mail that needs it has to wait", name);
    }
    for (auto& name : names(conf::Unsupported::ignore)) log_.warning("{} is not supported yet and has no effect", name);
    return {};
  }

  // Two entries of one name and type: the last one counts, as with the incumbent.
  void keep_last_of_each(std::vector<conf::MasterService>& services) {
    std::vector<conf::MasterService> kept;
    for (auto& service : services) {
      auto same = [&](const conf::MasterService& other) { return other.name == service.name && other.type == service.type; };
      auto earlier = std::find_if(kept.begin(), kept.end(), same);
      if (earlier == kept.end()) {
        kept.push_back(std::move(service));
        continue;
      }
      log_.warning("duplicate master.cf entry for service \"{}\" ({}) -- using the last entry", service.name, service.type);
      *earlier = std::move(service);
    }
    services = std::move(kept);
  }

  void warn_unusable(const ServiceSpec& spec) {
    if (spec.processes == 0) return;
    if (::access(spec.path.c_str(), X_OK) != 0) {
      log_.warning("service {}: no program {}: it will not run", spec.name, spec.path);
    }
  }

  bool crashes_often(const std::string& name) {
    auto& times = crashes_[name];
    auto now = base::monotonic_now();
    times.push_back(now);
    while (times.size() > 5) times.pop_front();
    return times.size() == 5 && now - times.front() < 10s;
  }

  net::Loop& loop_;
  conf::MainCf cf_;
  Logger log_;
  service::Supervisor supervisor_;
  ServiceCertificates certificates_;
  service::TicketRotation tickets_;
  std::chrono::milliseconds throttle_{60000};
  std::map<std::string, std::deque<base::Milliseconds>> crashes_;
  std::map<std::string, base::Milliseconds> limit_said_;
  bool ending_ = false;
};

struct MasterOptions {
  std::string config_directory;
  bool foreground = false, test = false, wait = false;
};

std::optional<MasterOptions> parse_master_options(int argc, char** argv) {
  MasterOptions options;
  for (int c; (c = getopt(argc, argv, "c:dDe:istvw")) != -1;) {
    switch (c) {
      case 'c': options.config_directory = optarg; break;
      case 'd':
      case 'i':
      case 's': options.foreground = true; break;
      case 't': options.test = true; break;
      case 'w': options.wait = true; break;
      case 'D':
      case 'e':
      case 'v': break;
      default: return std::nullopt;
    }
  }
  return options;
}

int fail(const Logger& log, const std::string& text) {
  log.fatal("{}", text);
  return 1;
}

int run_master(const MasterOptions& options) {
  Logger early("postfix/master");
  auto cf = Master::load_main_cf(conf::config_directory(options.config_directory), early);
  if (!cf) return fail(early, cf.error().text);
  auto valid = conf::check_common_parameters(*cf);
  if (!valid) return fail(early, valid.error().text);
  if (options.test) return MasterLock::is_held(cf->get("queue_directory")) ? 1 : 0;
  auto target = service::postfix_log_target(*cf);
  target.to_stderr = ::isatty(STDERR_FILENO) || options.foreground;
  base::open_log(target);
  Logger log(cf->get("syslog_name") + "/master");
  if (::chdir(cf->get("queue_directory").c_str()) != 0) {
    return fail(log, errno_error("chdir " + cf->get("queue_directory"), errno).text);
  }
  ::umask(022);
  ::prctl(PR_SET_DUMPABLE, 0);  // keys pass through here
  // Only -w puts it in the background; -d, -i and -s leave it its terminal as well.
  auto daemon = options.wait ? service::Daemonized::detach() : service::Daemonized();
  if (!options.foreground && !options.wait) ::setsid();
  std::string holder;
  auto lock = MasterLock::take(cf->get("queue_directory"), cf->get("data_directory"), holder);
  if (!lock) {
    if (!holder.empty()) log.info("{}", holder);
    return fail(log, lock.error().text);
  }
  auto written = lock->write_pid();
  if (!written) return fail(log, written.error().text);

  ::signal(SIGPIPE, SIG_IGN);
  net::Loop loop;
  Master master(loop, *cf, log);
  if (options.foreground) master.keep_standard_error();
  net::Signal hangup(loop, SIGHUP, [&] { master.reload(); });
  net::Signal term(loop, SIGTERM, [&] { master.terminate(SIGTERM); });
  net::Signal interrupt(loop, SIGINT, [&] { master.terminate(SIGINT); });
  auto loaded = master.load();
  if (!loaded) return fail(log, loaded.error().text);
  log.info("daemon started -- version {}, configuration {}", cf->get("mail_version"), cf->config_directory());
  target.to_stderr = options.foreground;
  base::open_log(target);
  daemon.ready();
  if (!options.foreground) service::leave_terminal();
  loop.run();
  return 0;
}

}  // namespace
}  // namespace dovetail::mta

int main(int argc, char** argv) {
  auto options = dovetail::mta::parse_master_options(argc, argv);
  if (!options) {
    dovetail::Logger("postfix/master").fatal("usage: master [-c config_dir] [-D (debug)] [-d (don't detach)] [-e exit_time] [-t (test)] [-v] [-w (wait for initialization)]");
    return 1;
  }
  return dovetail::mta::run_master(*options);
}
