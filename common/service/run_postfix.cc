// SPDX-License-Identifier: Apache-2.0
#include "common/service/run_postfix.h"

#include <syslog.h>
#include <unistd.h>

#include <cstdlib>

#include "common/base/text.h"
#include "common/service/file_snapshot.h"
#include "common/service/runner.h"
#include "conf/bind.h"
#include "conf/postfix/common_parameters.h"
#include "conf/postfix/main_cf.h"

namespace dovetail::service {
namespace {

struct FacilityName {
  std::string_view name;
  int number;
};
// clang-format off
constexpr FacilityName kFacilities[] = {
    {"auth", LOG_AUTH},     {"authpriv", LOG_AUTHPRIV}, {"cron", LOG_CRON},     {"daemon", LOG_DAEMON}, {"ftp", LOG_FTP},
    {"kern", LOG_KERN},     {"lpr", LOG_LPR},           {"mail", LOG_MAIL},     {"news", LOG_NEWS},     {"security", LOG_AUTH},
    {"syslog", LOG_SYSLOG}, {"user", LOG_USER},         {"uucp", LOG_UUCP},     {"local0", LOG_LOCAL0}, {"local1", LOG_LOCAL1},
    {"local2", LOG_LOCAL2}, {"local3", LOG_LOCAL3},     {"local4", LOG_LOCAL4}, {"local5", LOG_LOCAL5}, {"local6", LOG_LOCAL6},
    {"local7", LOG_LOCAL7},
};
// clang-format on

struct PostfixOptions {
  std::string service, transport;
  bool unprivileged = false, chrooted = false, stand_alone = false;
  std::vector<conf::Override> overrides;
  std::vector<std::string> arguments;
};

Result<PostfixOptions> parse_postfix_options(int argc, char** argv) {
  PostfixOptions options;
  opterr = 0;
  for (int c; (c = getopt(argc, argv, "+cdDi:lm:n:o:s:St:uvVz")) != -1;) {
    switch (c) {
      case 'n': options.service = optarg; break;
      case 't': options.transport = optarg; break;
      case 'u': options.unprivileged = true; break;
      case 'c': options.chrooted = true; break;
      case 'S': options.stand_alone = true; break;
      case 'o': {
        auto override = conf::parse_override(optarg);
        if (!override) return override.error();
        options.overrides.push_back(std::move(*override));
        break;
      }
      case '?': return config_error(format("invalid option: -{}", static_cast<char>(optopt)));
      default: break;  // -v, -s, -z ...: the incumbent's master gives them; nothing here depends on them
    }
  }
  options.arguments.assign(argv + optind, argv + argc);
  return options;
}

int die(const Logger& log, const std::string& text) {
  log.fatal("{}", text);
  ::sleep(1);  // as the incumbent: a service that fails at once must not fill the log
  return 1;
}

Result<Rights> postfix_rights(const conf::MainCf& cf, const PostfixOptions& options) {
  Rights rights;
  if (options.chrooted) rights.root = cf.get("queue_directory");
  if (!options.unprivileged) {
    rights.no_new_privileges = false;  // these start other people's commands
    return rights;
  }
  auto owner = find_user(cf.get("mail_owner"));
  if (!owner) return owner.error();
  rights.user = *owner;
  return rights;
}

Result<FileSnapshot> received_files(const base::Fd& memory) {
  if (!memory) return FileSnapshot();
  auto bytes = base::read_all(memory.get());
  if (!bytes) return bytes.error();
  auto files = FileSnapshot::decode(*bytes);
  base::wipe(*bytes);
  return files;
}

}  // namespace

int syslog_facility_number(const std::string& name) {
  for (auto& facility : kFacilities) {
    if (facility.name == name) return facility.number;
  }
  return -1;
}

base::LogTarget postfix_log_target(const conf::MainCf& cf) {
  base::LogTarget target;
  target.to_stderr = false;
  target.facility = syslog_facility_number(cf.get("syslog_facility"));
  if (target.facility < 0) target.facility = LOG_MAIL;
  target.file = cf.get("maillog_file");
  target.to_syslog = target.file.empty();
  return target;
}

int run_postfix_service(int argc, char** argv, std::string program, Role& role) {
  std::string own_name(base::basename(argv[0]));
  if (!own_name.empty()) program = own_name;
  Logger early("postfix/" + program);
  auto options = parse_postfix_options(argc, argv);
  if (!options) return die(early, options.error().text);
  auto hello = receive_hello();
  if (!hello && !options->stand_alone) return die(early, "do not run this command by hand");
  conf::LoadOptions how;
  how.process_name = program;
  how.service_name = options->service;
  how.chrooted = options->chrooted;
  auto cf = conf::MainCf::load(conf::config_directory(), options->overrides, how);
  if (!cf) return die(early, cf.error().text);
  base::open_log(postfix_log_target(*cf));
  auto valid = conf::check_common_parameters(*cf);
  for (const std::string& warning : cf->warnings()) early.warning("{}", warning);
  if (!valid) return die(early, valid.error().text);
  tzset();

  net::Loop loop;
  Context context{loop, Logger(cf->get("syslog_name") + "/" + program), program, options->service, options->transport,
                  options->arguments};
  context.main_cf = &*cf;
  FileSnapshot files;
  if (hello) {
    context.hello = hello->message;
    context.tickets = received_tickets(*hello);
    auto read = received_files(hello->settings);
    hello->settings.reset();
    if (!read) return die(context.log, read.error().text);
    files = std::move(*read);
    context.files = &files;
  }
  if (::chdir(cf->get("queue_directory").c_str()) != 0 && !options->stand_alone) {
    return die(context.log, format("chdir {}: {}", cf->get("queue_directory"), errno_error("", errno).text.substr(2)));
  }
  auto rights = postfix_rights(*cf, *options);
  if (!rights) return die(context.log, rights.error().text);
  auto prepared = role.prepare(context);
  if (!prepared) return die(context.log, prepared.error().text);
  context.files = nullptr;
  files = {};  // keys stay in as few places as possible
  auto confined = confine(*rights);
  if (!confined) return die(context.log, confined.error().text);

  Runner::Limits limits;
  limits.clients = context.hello.number("client_limit");
  auto idle = conf::read_time(*cf, "max_idle");
  if (idle && context.hello.number("stay") == 0) limits.idle = *idle;
  Runner runner(role, context, limits, hello ? std::move(hello->tally) : base::Fd());
  int status = options->stand_alone && !hello ? runner.run_one(base::Fd(::dup(STDIN_FILENO))) : runner.run();
  // The role outlives this loop; nothing in it is worth an orderly end, since every acknowledged message is on disk.
  ::_exit(status);
}

}  // namespace dovetail::service
