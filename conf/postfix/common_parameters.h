// The check of main.cf that every daemon and command makes at start, in the incumbent's order:
// names of this host, compatibility level, then each parameter that all programs share. A program's
// own parameters are checked when it reads them (conf/bind.h). SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "common/base/log.h"
#include "common/base/result.h"
#include "conf/postfix/main_cf.h"
#include "conf/postfix/parameters.h"

namespace dovetail::conf {

// The error is the text of the incumbent's fatal line.
Result<void> check_common_parameters(const MainCf& cf);
// Root opens maillog_file: it may only lie where maillog_file_prefixes allows. Part of the above.
Result<void> check_log_file(const MainCf& cf);

// mail_owner and setgid_group exist, and the owner is not root: what the parent and its commands check besides.
Result<void> check_owner(const MainCf& cf);

// Parameters that main.cf or -o sets to something else than the default and that no program of ours
// acts on, of the given action: what a daemon must warn of (ignore), answer 451 4.3.5 for (defer)
// or refuse to start with (fatal). program limits it to what that program would read ("smtpd");
// empty: all.
std::vector<std::string> unsupported_parameters(const MainCf& cf, Unsupported action,
                                                std::string_view program = {});

// Whether a program ("smtp", "cleanup") would act on a parameter, by the table's column of readers.
bool program_reads(std::string_view program, const Parameter& row);

// THE rule for what is set and not obeyed: the names that must keep this program from handling mail,
// each with a warning. A program for which it is not empty answers 451 4.3.5 or defers with 4.3.5.
std::vector<std::string> parameters_that_hold_mail(const MainCf& cf, std::string_view program,
                                                   const Logger& log);

}  // namespace dovetail::conf
