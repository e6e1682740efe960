// What the end of a delivery command means for the message: <sysexits.h>, a status code in its output, a signal, the time
// limit. Manuals: pipe(8), local(8), EXTERNAL COMMAND DELIVERY.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/mail/dsn.h"

namespace dovetail::mta {

// wait_status as waitpid() gives it; output: as it shall be shown. nullopt: delivered. A status of class 4 defers.
std::optional<mail::DsnText> judge_exit(int wait_status, std::string_view command,
                                        std::string_view output);
mail::DsnText time_limit_exceeded(std::string_view command, std::string_view output);

// Output of a command for logs and notices: line ends become blanks, unprintable bytes '_'.
std::string show_output(std::string_view output);

// Whether a command line needs a shell: characters or words that only a shell understands.
bool needs_shell(std::string_view command);

}  // namespace dovetail::mta
