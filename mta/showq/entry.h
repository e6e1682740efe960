// One message of the queue as showq tells it: attributes queue_name, queue_id, time, size, forced_expire, sender, then a
// recipient and the reason of its delay (empty: none) for each recipient. The incumbent's wire form (mail_queue_list_protocol),
// so that its postqueue and ours can each ask the other's showq. Blocking: run it on a pool.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include "common/proto/attr.h"
#include "mta/queue/directories.h"

namespace dovetail::mta {

inline constexpr std::string_view kShowqProtocol = "mail_queue_list_protocol";

// The queues in the order of the listing.
const std::vector<std::string_view>& listed_queues();
// nullopt: the message went away, is still being written, or cannot be read by us.
std::optional<proto::Attributes> queue_entry(const QueueDirectories& directories,
                                             std::string_view queue, std::string_view queue_id);

}  // namespace dovetail::mta
