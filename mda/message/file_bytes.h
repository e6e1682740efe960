// A stretch of a file, read whole; blocking.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "common/base/result.h"

namespace dovetail::mda {

// Shorter than asked for only at the end of the file.
Result<std::string> read_bytes_at(int fd, uint64_t offset, uint64_t count);

}  // namespace dovetail::mda
