// The names of the table types of this build, for programs that only list them (postconf -m): asking the registry would load the
// libraries of every type. A unit test keeps both equal.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace dovetail::lookup {

std::span<const std::string_view> listed_types();

}  // namespace dovetail::lookup
