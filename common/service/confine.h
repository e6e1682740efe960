// Gives rights away for good: groups, gid, uid, root directory, new privileges, core dumps of secrets.
// A process that was not started as root keeps its identity; what it cannot give away it does not have.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace dovetail::service {

struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string name;  // for messages
  std::string home;
};
// By name or number; an unknown one is a config Error ("user X doesn't exist").
Result<Identity> find_user(const std::string& name);
Result<gid_t> find_group(const std::string& name);

struct Rights {
  std::optional<Identity> user;     // none: stay who we are
  std::optional<gid_t> group;       // none: the user's
  std::vector<gid_t> extra_groups;  // instead of the user's supplementary groups
  std::string root;                 // chroot here; empty: none
  bool no_new_privileges = true;    // false only for programs that start others with set-id bits
};

// After this nothing of root is left if a user was given. Being not root is no error (try-out on high ports),
// except that a chroot then silently does not happen: the caller warns if the administrator asked for it.
Result<void> confine(const Rights& rights);

}  // namespace dovetail::service
