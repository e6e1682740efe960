// As whom a user's mail is touched: what the userdb says, checked against first_valid_uid and its like. Root never.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <compare>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/proto/auth_fields.h"

namespace dovetail::conf::dovecot {
class View;
}

namespace dovetail::mda {

// Workers are shared by users whose identities are equal.
struct MailIdentity {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // sorted, without gid
  std::string chroot;
  friend auto operator<=>(const MailIdentity&, const MailIdentity&) = default;
};

// mail_uid, mail_gid and mail_chroot stand in for what the userdb does not give. Errors have the incumbent's words.
Result<MailIdentity> mail_identity(const std::string& user, const proto::AuthFields& fields,
                                   const conf::dovecot::View& view);

// Which of `workers` processes serves the user.
unsigned worker_slot(const std::string& user, unsigned workers);

}  // namespace dovetail::mda
