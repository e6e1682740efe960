// Permission bits as the kernel reads them; access lists and security modules are not looked at.
// SPDX-License-Identifier: Apache-2.0
#include "check/access.h"

#include <pwd.h>
#include <sys/stat.h>

#include <algorithm>

namespace dovetail::check {

std::optional<Who> user_named(const std::string& name) {
  auto* found = getpwnam(name.c_str());
  if (!found) return std::nullopt;
  // Daemons take the user's own group only.
  return Who{found->pw_uid, {found->pw_gid}};
}

bool allows(const Who& who, uid_t owner, gid_t group, mode_t mode, unsigned bits) {
  if (who.uid == 0) return true;
  bool in_group = std::find(who.gids.begin(), who.gids.end(), group) != who.gids.end();
  unsigned shift = who.uid == owner ? 6 : in_group ? 3 : 0;
  return ((mode >> shift) & bits) == bits;
}

std::string kept_out_by(const Who& who, const std::string& path, unsigned bits) {
  struct stat status {};
  for (size_t slash = path.find('/', 1); slash != path.npos; slash = path.find('/', slash + 1)) {
    auto folder = path.substr(0, slash);
    if (stat(folder.c_str(), &status) == 0 &&
        !allows(who, status.st_uid, status.st_gid, status.st_mode, 1))
      return folder;
  }
  if (stat(path.c_str(), &status) == 0 &&
      !allows(who, status.st_uid, status.st_gid, status.st_mode, bits))
    return path;
  return {};
}

}  // namespace dovetail::check
