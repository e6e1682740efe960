// What the MTA's commands share: the log of a command, reading main.cf or ending with the incumbent's words, the guard of the
// set-gid ones, other programs run or replaced by, one message to a daemon's socket. Links base, mail and conf only, since
// postqueue and postdrop are set-gid. Manual: each command's own.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "common/base/file.h"
#include "common/base/log.h"
#include "conf/postfix/main_cf.h"

namespace dovetail::mta {

// Lines go to standard error under the bare name and to syslog as postfix/NAME, until main.cf says otherwise.
void open_tool_log();
// The log as main.cf wants it; lines of a Logger("sendmail") appear as SYSLOG_NAME/sendmail.
void open_tool_log(const conf::MainCf& cf, bool to_stderr = true);

// Ends a command; the status of fatal errors differs between commands (postfix 1, sendmail 75, postqueue 69).
[[noreturn]] void tool_fatal(const Logger& log, int status, const std::string& text);

// main.cf with the parameters checked that all programs share, its log opened; ends with `status` if it cannot be used.
conf::MainCf load_tool_configuration(const Logger& log, const std::string& dash_c, int status);

// --- set-gid commands

// Whether this process has rights its caller has not.
bool is_set_id_run();
// Keeps the time zone and MAIL_CONFIG only: an ordinary user's environment shall steer nothing.
void scrub_tool_environment();
// -c or MAIL_CONFIG of an ordinary user while we have more rights than he: only a directory the default main.cf names.
std::string checked_config_directory(const Logger& log, const std::string& wanted, int status);
// The name of the calling user; "uid N" has no name.
std::string calling_user();

// Whether a list such as authorized_submit_users admits the user: names, "!name" and "static:word" (everyone); the first hit
// decides. Set-gid programs have no table code: an Error for a table or a file, so that nothing is skipped.
Result<bool> is_listed_user(const conf::MainCf& cf, std::string_view parameter,
                            std::string_view user);

// --- other programs

// Replaces this process; returns only if that fails (logged).
void replace_by(const Logger& log, const std::string& path,
                const std::vector<std::string>& arguments);
// Runs and waits: the exit status, 128 + signal if it was killed, -1 if it cannot be run. quiet: standard output dropped.
int run_and_wait(const std::string& path, const std::vector<std::string>& arguments,
                 bool quiet = false);

// Wakes a daemon: writes bytes into its fifo or socket. false: it cannot be reached; a warning in the incumbent's words
// has been written.
bool trigger_daemon(const Logger& log, const std::string& path, std::string_view bytes);
// Connects to a unix socket; no Fd: errno says why. Without waiting, a service that does not keep up is an error (EAGAIN).
Fd connect_daemon(const std::string& path, bool wait = true);

}  // namespace dovetail::mta
