// main() of the MTA's daemons: options as the incumbent's master gives them (-n service -t transport -o name=value -c -u -S),
// main.cf with these overrides, log in the service's name, rights given away as master.cf says.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "common/base/log.h"
#include "common/service/service.h"

namespace dovetail::service {

// program: what the role is called in logs when argv[0] says nothing else ("smtp" installed as "lmtp" logs as lmtp).
// Returns the exit status. Without a parent it says "do not run this command by hand" and returns 1, except with -S
// (one session on standard input and output, for sendmail -bs).
int run_postfix_service(int argc, char** argv, std::string program, Role& role);

// The log as main.cf wants it for this program (syslog_name, syslog_facility, maillog_file).
base::LogTarget postfix_log_target(const conf::MainCf& cf);
int syslog_facility_number(const std::string& name);  // -1: unknown

}  // namespace dovetail::service
