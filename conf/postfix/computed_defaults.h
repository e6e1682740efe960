// Defaults that no table can hold: those that follow the host, the process, the build or the
// vendor, and the few where we keep the safer default of a later release. Used by MainCf only.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "conf/postfix/main_cf.h"

namespace dovetail::conf {

// The release whose behaviour is followed; mail_version begins with it.
inline constexpr std::string_view kFollowedRelease = "3.7.11";
inline constexpr std::string_view kFollowedReleaseDate = "20240304";

// A text that replaces the table's default: vendor's and build's paths, later safe defaults.
std::optional<std::string_view> vendor_default(std::string_view name);

// The default of myhostname, mydomain, mynetworks, process_id ...; nullopt if the name has no
// computed default.
Result<std::optional<std::string>> computed_default(const MainCf& cf, std::string_view name);

}  // namespace dovetail::conf
