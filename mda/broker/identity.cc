// SPDX-License-Identifier: Apache-2.0
#include "mda/broker/identity.h"

#include <grp.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "common/base/text.h"
#include "common/service/confine.h"
#include "conf/dovecot/settings.h"
#include "conf/dovecot/variables.h"

namespace dovetail::mda {

namespace {

struct FromWhere {
  std::string value;
  const char* source;
};

FromWhere field_or_setting(const proto::AuthFields& fields, const conf::dovecot::View& view,
                           const char* field, const char* setting) {
  auto given = fields.get(field);
  if (given && !given->empty()) return {*given, "userdb lookup"};
  return {view.get(setting),
          setting == std::string_view("mail_uid") ? "mail_uid setting" : "mail_gid setting"};
}

// A number is asked of nobody: this is done for every delivery.
std::optional<uid_t> uid_of(const std::string& name_or_number) {
  if (auto number = base::parse_number<uid_t>(name_or_number)) return *number;
  auto known = service::find_user(name_or_number);
  return known ? std::optional(known->uid) : std::nullopt;
}

Result<void> check_range(const conf::dovecot::View& view, bool is_uid, uint64_t id,
                         const FromWhere& from) {
  auto first = view.get_number(is_uid ? "first_valid_uid" : "first_valid_gid");
  auto last = view.get_number(is_uid ? "last_valid_uid" : "last_valid_gid");
  if (id >= first && (last == 0 || id <= last)) return {};
  auto upper = is_uid ? "UID" : "GID";
  return permanent(
      format("Mail access for users with {} {} not permitted (see {}_valid_{} in config file, {} "
             "from {}).",
             upper, id, id < first ? "first" : "last", is_uid ? "uid" : "gid",
             is_uid ? "uid" : "gid", from.source));
}

void add_system_groups(const std::string& name, gid_t gid, std::vector<gid_t>& groups) {
  int count = 64;
  std::vector<gid_t> found(64);
  if (getgrouplist(name.c_str(), gid, found.data(), &count) < 0) {
    found.resize(static_cast<size_t>(count));
    getgrouplist(name.c_str(), gid, found.data(), &count);
  }
  found.resize(static_cast<size_t>(std::max(count, 0)));
  groups.insert(groups.end(), found.begin(), found.end());
}

Result<void> add_named_groups(const std::string& names, std::vector<gid_t>& groups) {
  for (auto name : base::words(names, " ,\t")) {
    auto gid = service::find_group(std::string(name));
    if (!gid) return gid.error();
    groups.push_back(*gid);
  }
  return {};
}

// mail_chroot, or the userdb's chroot; must lie below one of valid_chroot_dirs.
Result<std::string> checked_chroot(const std::string& user, const proto::AuthFields& fields,
                                   const conf::dovecot::View& view) {
  auto chroot = fields.get("chroot").value_or(std::string());
  if (auto set = view.get("mail_chroot"); chroot.empty() && !set.empty()) {
    auto home = fields.get("home").value_or(std::string());
    chroot = conf::dovecot::expand_variables(set, conf::dovecot::user_variables(user, "imap", home))
                 .text;
  }
  if (chroot.empty()) return chroot;
  auto valid = view.get("valid_chroot_dirs");
  bool fine = chroot.find("/../") == chroot.npos && !chroot.ends_with("/..");
  auto inside = [&](std::string_view directory) {
    return chroot == directory || chroot.starts_with(std::string(directory) + "/");
  };
  auto directories = base::split(valid, ':');
  if (fine && std::any_of(directories.begin(), directories.end(),
                          [&](auto d) { return !d.empty() && inside(d); }))
    return chroot;
  return permanent(format("Invalid chroot directory '{}' (see valid_chroot_dirs setting)",
                          base::printable(chroot)));
}

}  // namespace

Result<MailIdentity> mail_identity(const std::string& user, const proto::AuthFields& fields,
                                   const conf::dovecot::View& view) {
  MailIdentity made;
  auto uid_from = field_or_setting(fields, view, "uid", "mail_uid");
  auto gid_from = field_or_setting(fields, view, "gid", "mail_gid");
  if (uid_from.value.empty()) return permanent("User is missing UID (see mail_uid setting)");
  auto uid = uid_of(uid_from.value);
  if (!uid) return permanent(format("Unknown UNIX UID user: {}", base::printable(uid_from.value)));
  if (gid_from.value.empty()) return permanent("User is missing GID (see mail_gid setting)");
  auto gid = service::find_group(gid_from.value);
  if (!gid) return permanent(format("Unknown UNIX GID group: {}", base::printable(gid_from.value)));
  made.uid = *uid;
  made.gid = *gid;
  auto uid_fine = check_range(view, true, made.uid, uid_from);
  if (!uid_fine) return uid_fine.error();
  auto gid_fine = check_range(view, false, made.gid, gid_from);
  if (!gid_fine) return gid_fine.error();
  if (made.uid == 0 || made.gid == 0) return permanent("Mail access not allowed for root");
  if (auto name = fields.get("system_groups_user"); name && !name->empty())
    add_system_groups(*name, made.gid, made.groups);
  for (auto setting : {"mail_access_groups", "mail_privileged_group"}) {
    auto added = add_named_groups(view.get(setting), made.groups);
    if (!added) return added.error();
  }
  std::erase_if(made.groups, [&](gid_t group) { return group == made.gid || group == 0; });
  std::sort(made.groups.begin(), made.groups.end());
  made.groups.erase(std::unique(made.groups.begin(), made.groups.end()), made.groups.end());
  auto chroot = checked_chroot(user, fields, view);
  if (!chroot) return chroot.error();
  made.chroot = *chroot;
  if (::geteuid() != 0 && made.uid != ::geteuid()) {
    return permanent(
        format("setuid({}) failed with euid={}: Operation not permitted", made.uid, ::geteuid()));
  }
  return made;
}

unsigned worker_slot(const std::string& user, unsigned workers) {
  if (workers < 2) return 0;
  uint64_t hash = 1469598103934665603u;  // FNV-1a: the same in every generation of the broker
  for (unsigned char c : user) hash = (hash ^ c) * 1099511628211u;
  return static_cast<unsigned>((hash ^ (hash >> 32)) % workers);
}

}  // namespace dovetail::mda
