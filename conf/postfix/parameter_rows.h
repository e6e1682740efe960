// What the parts of the parameter table share: short words for the columns, and the parts
// themselves. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "conf/postfix/parameters.h"

namespace dovetail::conf::rows {

using enum Type;
using enum Kind;
using enum Unsupported;
using enum Status;
inline constexpr long any = kNoLimit;

std::span<const Parameter> part_a_to_k();
std::span<const Parameter> part_l_to_o();
std::span<const Parameter> part_p_to_r();
std::span<const Parameter> part_s();
std::span<const Parameter> part_smtp();
std::span<const Parameter> part_smtpd();
std::span<const Parameter> part_t_to_z();

}  // namespace dovetail::conf::rows
