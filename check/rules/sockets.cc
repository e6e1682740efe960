// The two sockets at which Postfix and Dovecot meet: one for AUTH, one for deliveries. Each suite names the path in its own file.
// SPDX-License-Identifier: Apache-2.0
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>

#include "check/access.h"
#include "check/rules.h"
#include "check/tables.h"
#include "common/base/file.h"
#include "common/base/text.h"

namespace dovetail::check {

namespace {

// Without . and symbolic links, as far as the folders exist.
std::string canonical(const std::string& path) {
  char resolved[PATH_MAX];
  std::string folder(base::dirname(path));
  if (realpath(folder.c_str(), resolved)) return format("{}/{}", resolved, base::basename(path));
  return base::replace_all(base::replace_all(path, "//", "/"), "/./", "/");
}

struct Listener {
  conf::dovecot::UnixListener listener;
  std::string path;
  Place place;
};

std::vector<Listener> listeners_of(Site& site, std::string_view service_name) {
  std::vector<Listener> all;
  auto service = site.view().service(service_name);
  if (!service) return all;
  for (auto& one : service->unix_listeners) {
    if (one.mode == 0) continue;  // switched off
    auto path =
        one.path.starts_with('/') ? one.path : site.dovecot_get("base_dir") + "/" + one.path;
    auto place = site.dovecot_block(
        format("service/{}/unix_listener/{}/", service_name, conf::dovecot::escape_name(one.path)));
    if (place.line == 0) place = site.dovecot_block(format("service/{}/", service_name));
    all.push_back({one, canonical(path), place});
  }
  return all;
}

// Another server than Dovecot may listen there.
bool is_socket(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode);
}

// Whose socket it will be: Dovecot leaves what is not set to root.
bool may_connect(const Who& who, const conf::dovecot::UnixListener& listener) {
  auto* user = listener.user.empty() ? nullptr : getpwnam(listener.user.c_str());
  auto* group = listener.group.empty() ? nullptr : getgrnam(listener.group.c_str());
  return allows(who, user ? user->pw_uid : 0, group ? group->gr_gid : 0, listener.mode, 2);
}

struct Meeting {
  std::string_view service;  // Dovecot's
  std::string path;          // where Postfix looks
  Place place;               // where that is written
  std::string_view parameter;
  std::string_view effect;  // while it does not work
};

std::string listener_list(const std::vector<Listener>& all) {
  std::vector<std::string> paths;
  for (auto& one : all) {
    if (one.listener.path.starts_with('/')) paths.push_back(one.path);
  }
  return paths.empty() ? "none" : some_of(paths, 5);
}

void judge_meeting(Site& site, Report& report, const Meeting& meeting) {
  auto wanted = canonical(meeting.path);
  auto all = listeners_of(site, meeting.service);
  auto owner = user_named(site.get("mail_owner"));
  for (auto& one : all) {
    if (one.path != wanted) continue;
    if (!owner || may_connect(*owner, one.listener)) return;
    auto user = one.listener.user.empty() ? "root" : one.listener.user;
    auto group = one.listener.group.empty() ? "root" : one.listener.group;
    report.add({one.place, Severity::error,
                format("{} belongs to {}:{} with mode {:04o}: {} may not connect to it", one.path,
                       user, group, one.listener.mode, site.get("mail_owner")),
                std::string(meeting.effect),
                format("set user = {0} and group = {0}, mode = 0660", site.get("mail_owner"))});
    return;
  }
  if (is_socket(wanted)) return;
  report.add(
      {meeting.place, Severity::error,
       format("{} looks for {} at {}, but Dovecot has no such socket (service {} listens at: {})",
              meeting.parameter, meeting.service, wanted, meeting.service, listener_list(all)),
       std::string(meeting.effect),
       format("add unix_listener {} to service {} in dovecot.conf, or correct {}", wanted,
              meeting.service, meeting.parameter)});
}

constexpr std::string_view kNoAuth =
    "nobody can log in to send mail (Postfix's own smtpd does not even greet then)";
constexpr std::string_view kNoDelivery =
    "mail for these mailboxes is deferred, and bounces when its time is up";

void judge_sasl(Site& site, Report& report, const ServiceView& view) {
  auto path = Site::get(view.cf, "smtpd_sasl_path");
  auto place = site.at(*view.service, "smtpd_sasl_path");
  if (Site::get(view.cf, "smtpd_sasl_type") != "dovecot") {
    report.add({site.at(*view.service, "smtpd_sasl_type"), Severity::error,
                format("smtpd_sasl_type of {} is {}", view.service->name,
                       Site::get(view.cf, "smtpd_sasl_type")),
                std::string(kNoAuth),
                "set smtpd_sasl_type = dovecot and smtpd_sasl_path = private/auth"});
    return;
  }
  if (path.starts_with("inet:")) return;
  if (path.starts_with("unix:")) path = path.substr(5);
  bool chrooted = view.service->run_chrooted(view.cf);
  if (chrooted && path.starts_with('/')) {
    report.add({place, Severity::error,
                format("smtpd_sasl_path is absolute and {} runs chrooted", view.service->name),
                std::string(kNoAuth), "write it relative to the queue directory: private/auth"});
    return;
  }
  if (site.has_dovecot())
    judge_meeting(site, report, {"auth", site.queue_path(path), place, "smtpd_sasl_path", kNoAuth});
}

struct TransportUse {
  std::string parameter, value;
  Place place;
};

std::vector<TransportUse> transport_uses(Site& site) {
  std::vector<TransportUse> all;
  for (auto name : {"virtual_transport", "mailbox_transport", "local_transport", "relay_transport",
                    "fallback_transport", "default_transport"}) {
    auto value = site.get(name);
    if (!value.empty()) all.push_back({name, value, site.at(name)});
  }
  for (auto& table : Tables::named_in(site.get("transport_maps"))) {
    for (auto& row : site.tables().list(table).rows)
      all.push_back({format("transport_maps ({})", row.key), row.value, row.place});
  }
  return all;
}

bool is_service(const Site& site, std::string_view name) {
  for (auto& service : site.services()) {
    if (service.name == name && service.type == "unix") return true;
  }
  return false;
}

// Other servers take LMTP too (Cyrus, list managers): Dovecot's sockets stand in the queue directory, are called after it, or are
// written in its file.
bool is_meant_for_dovecot(Site& site, const std::string& path) {
  auto whole = site.queue_path(path);
  if (whole.starts_with(site.get("queue_directory") + "/") || whole.find("dovecot") != whole.npos)
    return true;
  for (auto& one : listeners_of(site, "lmtp")) {
    if (one.path == canonical(whole)) return true;
  }
  return false;
}

}  // namespace

void rule_sasl_socket(Site& site, Report& report) {
  for (auto& view : site.services_running("smtpd")) {
    if (Site::get(view.cf, "smtpd_sasl_auth_enable") == "yes") judge_sasl(site, report, view);
  }
}

void rule_lmtp_socket(Site& site, Report& report) {
  for (auto& use : transport_uses(site)) {
    auto [name, rest] = base::cut(use.value, ':');
    auto transport = base::trim(name);
    if (transport.empty()) continue;
    if (!site.services().empty() && !is_service(site, transport)) {
      report.add(
          {use.place, Severity::error,
           format("{} names transport {}, which master.cf does not have", use.parameter, transport),
           "mail for it is deferred with \"mail transport unavailable\"",
           format("add {} to master.cf, or correct {}", transport, use.parameter)});
      continue;
    }
    if (!rest || !rest->starts_with("unix:") || !site.has_dovecot()) continue;
    auto path = std::string(rest->substr(5));
    if (!is_meant_for_dovecot(site, path)) continue;
    if (!site.protocol_wanted("lmtp")) {
      report.add({site.dovecot_at("protocols"), Severity::error,
                  format("{} delivers to {}, but protocols has no lmtp", use.parameter, path),
                  std::string(kNoDelivery), "add lmtp to protocols"});
      continue;
    }
    judge_meeting(site, report,
                  {"lmtp", site.queue_path(path), use.place, use.parameter, kNoDelivery});
  }
}

}  // namespace dovetail::check
