// import_environment and export_environment: which variables a process keeps, and which it is given.
// Manual: postconf(5), "import_environment".
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace dovetail::conf {

// list is a parameter's value: NAME keeps the variable of that name, NAME=VALUE sets it, { NAME = VALUE } too.
// present and the answer are "NAME=VALUE" words as in environ. The error names a malformed element.
Result<std::vector<std::string>> chosen_environment(std::string_view list,
                                                    const std::vector<std::string>& present);

// The environment of this process.
std::vector<std::string> present_environment();

}  // namespace dovetail::conf
