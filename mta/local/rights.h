// The rights of delivery. The programs local, virtual, pipe and spawn consist of a front, which runs as mail_owner and sees
// the foreign bytes, and of this small parent, which is root and sees none: it reads requests of one fixed size, forks, and
// the child takes the uid and gid asked for before it reads its task. uid 0, gid 0, mail_owner and setgid_group are refused.
// One exception: root's own mailbox in the spool is opened by the child as root, and then written as default_privs.
// Without root there is nothing to switch: everything is delivered as oneself.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>

#include "common/base/file.h"
#include "common/base/result.h"

namespace dovetail::mta {

struct RightsPolicy {
  uid_t mail_owner = 0;
  gid_t mail_group = 0, setgid_group = 0;
  uid_t default_uid = 0;  // default_privs
  gid_t default_gid = 0;
  std::string
      spool_directory;  // mail_spool_directory: where in_spool children may create their mailbox
};

struct DeliveryRights {
  uid_t uid = 0;
  gid_t gid = 0;
  bool in_spool = false;  // may write in spool_directory with the directory's group
  std::string mailbox{};  // its name there, made beforehand where only root may
};

// The Error says why these rights are never given.
Result<void> check_rights(const RightsPolicy& policy, const DeliveryRights& rights);

class RightsParent {
 public:
  // Forks the parent; call with root's rights and before threads, tables or clients are there.
  static Result<RightsParent> start(RightsPolicy policy);

  // A socket to a new child with these rights (worker.h). extra: a descriptor it gets besides, -1: none.
  Result<Fd> spawn(const DeliveryRights& rights, int extra = -1) const;
  Result<void> check(const DeliveryRights& rights) const;

 private:
  RightsPolicy policy_;
  Fd socket_;
  bool switches_ = false;  // it was root when it began
};

}  // namespace dovetail::mta
