// main() of Dovecot's services: everything comes from the parent `dovecot`: the settings this service may see in a sealed
// memory file, identity and limits in the hello. No file of the administrator is parsed here.
//
// Labels of listeners (Client::listener): inet_listener: its name ("imap", "imaps", "pop3s"); unix_listener: its path
// relative to base_dir ("auth-userdb", "login/imap"), or the whole path if it is outside ("/var/spool/postfix/private/auth").
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "common/base/log.h"
#include "common/service/service.h"
#include "conf/dovecot/settings.h"

namespace dovetail::service {

// name: the log prefix ("imap-login"); with `-w` auth says "auth-worker". Returns the exit status.
int run_dovecot_service(int argc, char** argv, std::string name, Role& role);

// log_path, info_log_path, syslog_facility, log_timestamp ... of a view as a target.
base::LogTarget dovecot_log_target(const conf::dovecot::View& view);

}  // namespace dovetail::service
