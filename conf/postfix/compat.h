// Which defaults a compatibility_level below some release keeps at their old value. The defaults themselves are expressions of the
// parameter table; this says when one of them is in use, for the incumbent's lines "using backwards-compatible default setting
// NAME=VALUE ...", which each program writes where the old value mattered. Manual: COMPATIBILITY_README.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "conf/postfix/main_cf.h"

namespace dovetail::conf {

// True if the parameter is not set and compatibility_level keeps its old default. master.cf's chroot column goes by the
// name "chroot".
bool uses_old_default(const MainCf& cf, std::string_view name);

}  // namespace dovetail::conf
