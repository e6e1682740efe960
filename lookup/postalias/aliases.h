// Lines of an aliases file: "name: value, value ...". Names are unquoted and local, values keep their quoting with
// blanks made regular. Manual: aliases(5).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "lookup/build/command.h"

namespace dovetail::lookup {

struct Alias {
  std::string name, value;
};
// The Error is the incumbent's warning: "need name:value pair", "name must be local".
Result<Alias> parse_alias(std::string_view line);

extern const CommandProgram kPostalias;

}  // namespace dovetail::lookup
