// SPDX-License-Identifier: Apache-2.0
#include "common/service/run_dovecot.h"

#include <unistd.h>

#include <csignal>

#include "common/base/text.h"
#include "common/service/run_postfix.h"
#include "common/service/runner.h"

namespace dovetail::service {
namespace {

// Dovecot's exit status for "fatal": the parent knows it as a failed start.
constexpr int kFatalStatus = 89;

int die_dovecot(const Logger& log, const std::string& text) {
  log.fatal("{}", text);
  return kFatalStatus;
}

// user, group, extra_groups (space separated), chroot: fields of the hello, resolved by the parent to numbers.
Result<Rights> dovecot_rights(const ControlMessage& hello) {
  Rights rights;
  auto user = hello.get("user");
  if (!user.empty() && user != "root") {
    auto identity = find_user(user);
    if (!identity) return identity.error();
    rights.user = *identity;
  }
  auto group = hello.get("group");
  if (!group.empty()) {
    auto gid = find_group(group);
    if (!gid) return gid.error();
    rights.group = *gid;
  }
  for (auto name : base::words(hello.get("extra_groups"), " ,")) {
    auto gid = find_group(std::string(name));
    if (!gid) return gid.error();
    rights.extra_groups.push_back(*gid);
  }
  rights.root = hello.get("chroot");
  return rights;
}

}  // namespace

base::LogTarget dovecot_log_target(const conf::dovecot::View& view) {
  base::LogTarget target;
  target.style = base::LogStyle::dovecot;
  auto path = view.get("log_path");
  target.to_stderr = path == "/dev/stderr";
  target.to_syslog = path == "syslog";
  if (!target.to_stderr && !target.to_syslog) target.file = path;
  target.facility = syslog_facility_number(view.get("syslog_facility"));
  if (target.facility < 0) target.facility = LOG_MAIL;
  target.timestamp = view.get("log_timestamp");
  target.ident = view.get("instance_name").empty() ? "dovecot" : view.get("instance_name");
  target.debug = view.get_bool("mail_debug") || view.get_bool("auth_debug");
  return target;
}

int run_dovecot_service(int argc, char** argv, std::string name, Role& role) {
  Logger log(name);
  base::LogTarget early;
  early.style = base::LogStyle::dovecot;
  base::open_log(early);
  auto hello = receive_hello();
  if (!hello) return die_dovecot(log, "This program is started by dovecot, not by hand");
  auto packed = base::read_all(hello->settings.get());
  if (!packed) return die_dovecot(log, packed.error().wrap("settings from dovecot").text);
  hello->settings.reset();  // secrets stay readable no longer than needed
  auto tree = conf::dovecot::Tree::unpack(*packed);
  base::wipe(*packed);
  if (!tree) return die_dovecot(log, tree.error().text);
  auto view = tree->view({});
  if (!view) return die_dovecot(log, view.error().text);
  base::open_log(dovecot_log_target(**view));
  tzset();

  net::Loop loop;
  Context context{loop, log, name, hello->message.get("service"), "", {argv + 1, argv + argc}};
  context.settings = &*tree;
  context.hello = hello->message;
  context.tickets = received_tickets(*hello);
  auto rights = dovecot_rights(hello->message);
  if (!rights) return die_dovecot(log, rights.error().text);
  auto prepared = role.prepare(context);
  if (!prepared) return die_dovecot(log, prepared.error().text);
  auto confined = confine(*rights);
  if (!confined) return die_dovecot(log, confined.error().text);

  Runner::Limits limits;
  limits.clients = context.hello.number("client_limit");
  limits.uses = context.hello.number("service_count");
  if (auto idle = context.hello.number("idle_kill"); idle > 0) limits.idle = std::chrono::seconds(idle);
  int status = Runner(role, context, limits, std::move(hello->tally)).run();
  ::_exit(status);  // the role outlives this loop; nothing in it is worth an orderly end
}

}  // namespace dovetail::service
