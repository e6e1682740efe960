// A mail user's settings: the configuration's view with what the userdb overrides, and from it the store's settings with
// all % variables expanded. Shared by the worker and the commands that open a store themselves.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "conf/dovecot/settings.h"
#include "mda/storage/settings.h"

namespace dovetail::mda {

struct MailUser {
  std::string user;
  std::string home;
  std::string service;  // "imap", "pop3", "lmtp", "lda", "doveadm"
  std::string session, local_ip, remote_ip;
  std::vector<conf::dovecot::Override> userdb;  // as it came; flags are "yes"
  std::shared_ptr<const conf::dovecot::View> view;

  // One setting with its variables expanded.
  std::string expanded(const std::string& text) const;
  // mail_log_prefix without its last ": ": "imap(frank)<4711><AbC>".
  std::string log_name(pid_t pid, const std::string& of_session) const;
};

// Sets view and home from the tree and userdb.
Result<MailUser> complete_mail_user(const conf::dovecot::Tree& tree, MailUser user);
Result<StoreSettings> store_settings(const MailUser& user);

}  // namespace dovetail::mda
