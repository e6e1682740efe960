// The state of an installation before it runs: missing directories are made, what would break mail is fatal, what merely looks
// wrong is a warning. Manual: postfix(1), "check".
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>

#include "common/base/log.h"
#include "conf/postfix/main_cf.h"

namespace dovetail::mta {

// Who owns what. An ordinary user owns everything himself.
struct Installation {
  const conf::MainCf& cf;
  std::string queue_directory, data_directory, mail_owner, setgid_group;
  uid_t root = 0, owner = 0;
  gid_t owner_group = 0, setgid = 0;
  bool privileged = true;  // we may give files away

  static Result<Installation> find(const conf::MainCf& cf);
};

// Queue and data directories that are missing, with owner and mode; existing ones are not touched unless asked to repair.
Result<void> make_directories(const Installation& installation, bool repair);
// Warnings about owners and modes; their count.
int warn_about_files(const Installation& installation, const Logger& log);
// Owner, group and set-gid bit of postdrop and postqueue.
Result<void> repair_programs(const Installation& installation);

}  // namespace dovetail::mta
