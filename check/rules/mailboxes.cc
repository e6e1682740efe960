// Dovecot's mailboxes: an inbox for everyone, a folder that can be made, users that may be served, passdbs in a sensible order.
// SPDX-License-Identifier: Apache-2.0
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>

#include <algorithm>

#include "check/access.h"
#include "check/rules.h"
#include "common/base/file.h"
#include "common/base/text.h"

namespace dovetail::check {

void rule_inbox_namespace(Site& site, Report& report) {
  auto namespaces = site.view().namespaces();
  // Without any namespace block Dovecot makes one with an inbox.
  if (namespaces.empty()) return;
  auto usable = [](auto& one) { return one.inbox && !one.disabled; };
  if (std::any_of(namespaces.begin(), namespaces.end(), usable)) return;
  report.add({site.dovecot_block("namespace/"), Severity::error, "no namespace has inbox = yes",
              "each login and each delivery fails: \"namespace configuration error: inbox=yes "
              "namespace missing\"",
              "add inbox = yes to the namespace of the users' own mail"});
}

namespace {

std::optional<uid_t> uid_of(const std::string& name) {
  if (auto number = base::parse_number<uid_t>(name)) return *number;
  auto* user = getpwnam(name.c_str());
  return user ? std::optional<uid_t>(user->pw_uid) : std::nullopt;
}
std::optional<gid_t> gid_of(const std::string& name) {
  if (auto number = base::parse_number<gid_t>(name)) return *number;
  auto* group = getgrnam(name.c_str());
  return group ? std::optional<gid_t>(group->gr_gid) : std::nullopt;
}

// The one identity all mailboxes belong to, where there is one.
struct MailOwner {
  std::string uid, gid, home;
  Place place;
};

void read_static(const std::string& args, MailOwner& owner) {
  for (auto word : base::words(args)) {
    auto [name, value] = base::cut(word, '=');
    if (!value) continue;
    if (name == "uid") owner.uid = *value;
    if (name == "gid") owner.gid = *value;
    if (name == "home") owner.home = *value;
  }
}

MailOwner mail_owner_of(const Site& site) {
  MailOwner owner;
  owner.uid = site.dovecot_get("mail_uid");
  owner.gid = site.dovecot_get("mail_gid");
  owner.place = site.dovecot_at("mail_uid");
  for (auto& name : site.view().names("userdb")) {
    auto prefix = "userdb/" + name;
    if (site.dovecot_get(prefix + "/driver") != "static") continue;
    read_static(site.dovecot_get(prefix + "/args"), owner);
    owner.place = site.dovecot_at(prefix + "/args");
    break;
  }
  return owner;
}

// The part of a path in front of the first variable.
std::string fixed_folder(std::string path) {
  auto variable = path.find('%');
  if (variable == path.npos) return path;
  path.erase(variable);
  return path.substr(0, path.rfind('/'));
}

std::string location_path(const std::string& location) {
  auto [driver, rest] = base::cut(location, ':');
  return rest ? std::string(base::cut(*rest, ':').first) : std::string();
}

// The folder that is there, from which the rest must be made.
std::string existing_part(std::string path) {
  while (path.size() > 1 && !base::file_exists(path)) path = base::dirname(path);
  return path;
}

// Whether the folder holds others of this user; homes may belong to anyone.
bool has_folders_of(const std::string& folder, uid_t uid, bool homes) {
  auto names = base::list_directory(folder);
  if (!names) return false;
  return homes || std::any_of(names->begin(), names->end(), [&](auto& name) {
           struct stat status {};
           return stat(format("{}/{}", folder, name).c_str(), &status) == 0 &&
                  S_ISDIR(status.st_mode) && status.st_uid == uid;
         });
}

void judge_identity(Site& site, Report& report, const MailOwner& owner) {
  auto uid = uid_of(owner.uid);
  if (!uid) {
    report.add({owner.place, Severity::error,
                format("the mailboxes' user {} does not exist", owner.uid),
                "each login and each delivery fails",
                format("useradd -r {}, or correct the name", owner.uid)});
    return;
  }
  auto first = site.view().get_number("first_valid_uid"),
       last = site.view().get_number("last_valid_uid");
  if (*uid < first || (last != 0 && *uid > last)) {
    report.add(
        {owner.place, Severity::error,
         format("the mailboxes' user {} has uid {}, outside of first_valid_uid = {} and "
                "last_valid_uid = {}",
                owner.uid, *uid, first, last),
         "each login and each delivery fails: \"Mail access for users with UID not permitted\"",
         "set first_valid_uid below it"});
  }
  if (!owner.gid.empty() && !gid_of(owner.gid))
    report.add({owner.place, Severity::error,
                format("the mailboxes' group {} does not exist", owner.gid),
                "each login and each delivery fails",
                format("groupadd -r {}, or correct the name", owner.gid)});
}

}  // namespace

void rule_mail_directories(Site& site, Report& report) {
  auto owner = mail_owner_of(site);
  if (owner.uid.empty()) return;  // each user has his own
  judge_identity(site, report, owner);
  auto uid = uid_of(owner.uid);
  if (!uid || *uid == 0) return;
  Who who{*uid, {}};
  if (auto gid = gid_of(owner.gid)) who.gids.push_back(*gid);
  if (auto* user = getpwuid(*uid); user && owner.gid.empty()) who.gids.push_back(user->pw_gid);
  auto path = location_path(site.dovecot_get("mail_location"));
  auto place = site.dovecot_at("mail_location");
  const bool from_home = path.empty() || path[0] == '~' || path.starts_with("%h");
  if (from_home) {
    path = owner.home.empty() ? site.dovecot_get("mail_home") : owner.home;
    place = owner.place;
  }
  auto folder = fixed_folder(path);
  if (!folder.starts_with('/')) return;
  auto there = existing_part(folder);
  if (there == folder && has_folders_of(folder, *uid, from_home))
    return;  // made by hand, one for each user or domain
  auto barrier = kept_out_by(who, there, 3);
  if (barrier.empty()) return;
  report.add(
      {place, Severity::error,
       format("{} may not make mailboxes in {}: {} keeps it out", owner.uid, folder, barrier),
       "deliveries are deferred (\"mkdir failed: Permission denied\"), and logins end at once",
       format("mkdir -p {0}; chown {1} {0}", folder, owner.uid)});
}

void rule_passdb_order(Site& site, Report& report) {
  Place pam;
  bool seen = false;
  for (auto& name : site.view().names("passdb")) {
    auto prefix = "passdb/" + name;
    auto driver = site.dovecot_get(prefix + "/driver");
    bool limited = !site.dovecot_get(prefix + "/username_filter").empty() ||
                   !site.dovecot_get(prefix + "/mechanisms").empty();
    if (driver == "pam" && !limited) {
      pam = site.dovecot_at(prefix + "/driver");
      seen = true;
    } else if (seen && (driver == "sql" || driver == "ldap" || driver == "passwd-file")) {
      report.add({pam, Severity::warning, format("PAM is asked before {}", driver),
                  format("each login of a {} user fails in PAM first: about 2 s later, and with an "
                         "authentication failure in the log",
                         driver),
                  "take !include auth-system.conf.ext out, or put it behind"});
      return;
    }
  }
}

}  // namespace dovetail::check
