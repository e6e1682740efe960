// The types of dovecot.conf values: what each accepts, the incumbent's error texts, and the form doveconf prints.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "conf/dovecot/schema.h"

namespace dovetail::conf::dovecot {

Result<bool> parse_bool(std::string_view text);            // yes y 1 / no
Result<std::uint32_t> parse_uint(std::string_view text);   // decimal
Result<std::uint32_t> parse_octal(std::string_view text);  // octal only after a leading 0
Result<std::uint64_t> parse_size(std::string_view text);   // 10 M, 10MB, 10MiB; 1024 based
// Seconds settings refuse parts of a second; milliseconds settings take them.
Result<std::chrono::milliseconds> parse_time(std::string_view text, bool milliseconds);
Result<std::uint16_t> parse_port(std::string_view text);

std::string print_size(std::uint64_t bytes);
std::string print_time(std::chrono::milliseconds time);

// The value in doveconf's form, or why it is not one of this type: "Invalid size: x".
Result<std::string> canonical_value(Type type, std::string_view choices, std::string_view text);

}  // namespace dovetail::conf::dovecot
