// sendmail -bs: SMTP on standard input and output, by an smtpd of its own. smtpd speaks on one socket; two pipes are joined to
// one here. What may be sent and how it is queued is smtpd's.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "common/base/log.h"

namespace dovetail::mta {

// Runs the program until it has closed the connection; its exit status.
int serve_standard_input(const Logger& log, const std::string& path,
                         const std::vector<std::string>& arguments);

}  // namespace dovetail::mta
