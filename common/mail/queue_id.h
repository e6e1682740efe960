// Queue ids, short and long (enable_long_queue_ids): made from the time of arrival and the file's
// inode. Short: 5 hex digits of microseconds, then the inode in hex, upper case. Long: seconds (6
// or more digits) and microseconds (4) in base 52, 'z', the inode in base 51.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.h"

namespace dovetail::mail {

inline constexpr size_t kMaxQueueId = 100;

std::string make_queue_id(const base::Wall& arrival, ino_t inode, bool long_id);
// Letters, digits and '_', 1 to 100 of them.
bool is_queue_id(std::string_view id);
bool is_long_queue_id(std::string_view id);
// The characters a hashed queue directory takes its names from: the id itself, or the microseconds
// of a long id in hex.
std::string queue_id_hash_key(std::string_view id);
// What the id says about the file; nullopt: not of our making.
std::optional<ino_t> queue_id_inode(std::string_view id);

}  // namespace dovetail::mail
