// Random bytes from the kernel, for names, salts, cookies and retry spread.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace dovetail::base {

std::string random_bytes(size_t count);
std::string random_hex(size_t digits);
// Evenly spread over 0 .. below - 1; below must not be 0.
uint32_t random_below(uint32_t below);

}  // namespace dovetail::base
