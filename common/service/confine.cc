// SPDX-License-Identifier: Apache-2.0
#include "common/service/confine.h"

#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>

#include "common/base/text.h"

namespace dovetail::service {

Result<Identity> find_user(const std::string& name) {
  const passwd* found = nullptr;
  if (auto number = base::parse_number<uid_t>(name)) {
    found = getpwuid(*number);
    if (!found) return Identity{*number, static_cast<gid_t>(*number), name, "/"};
  } else {
    found = getpwnam(name.c_str());
  }
  if (!found) return config_error(format("user {} doesn't exist", name));
  return Identity{found->pw_uid, found->pw_gid, found->pw_name, found->pw_dir};
}

Result<gid_t> find_group(const std::string& name) {
  if (auto number = base::parse_number<gid_t>(name)) return *number;
  auto* found = getgrnam(name.c_str());
  if (!found) return config_error(format("group {} doesn't exist", name));
  return found->gr_gid;
}

namespace {

Result<void> enter_root(const std::string& root) {
  if (root.empty()) return {};
  if (::chroot(root.c_str()) != 0) return errno_error("chroot " + root, errno);
  if (::chdir("/") != 0) return errno_error("chdir /", errno);
  return {};
}

Result<void> become(const Rights& rights) {
  auto& user = *rights.user;
  gid_t gid = rights.group.value_or(user.gid);
  if (::setgroups(rights.extra_groups.size(), rights.extra_groups.data()) != 0)
    return errno_error("setgroups", errno);
  if (::setresgid(gid, gid, gid) != 0) return errno_error("setgid", errno);
  if (::setresuid(user.uid, user.uid, user.uid) != 0) return errno_error("setuid", errno);
  // A mistake here must never go unseen.
  if (user.uid != 0 && ::setuid(0) == 0)
    return permanent("rights could be taken back after setuid");
  return {};
}

}  // namespace

Result<void> confine(const Rights& rights) {
  if (::geteuid() == 0) {
    auto done = enter_root(rights.root);
    if (done && rights.user) done = become(rights);
    if (!done) return done;
  }
  if (rights.no_new_privileges) prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  prctl(PR_SET_DUMPABLE, 0);
  return {};
}

}  // namespace dovetail::service
