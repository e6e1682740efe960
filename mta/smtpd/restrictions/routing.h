// Addresses as restrictions need them: which sender is being judged, where an address would be routed (asked once per
// message), whether it is of this site.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/net/task.h"
#include "mta/resolve/resolve.h"

namespace dovetail::mta::smtpd {

class Session;

// Of the transaction, or the one MAIL FROM just named.
std::optional<std::string> checked_sender(const Session& s);
Task<Result<Resolution>> route_of(Session& s, std::string address);

// Mail for this address ends here or is relayed for its domain: not a stranger's business.
enum class Destination { ours, foreign, unknown };
Task<Destination> destination_of(Session& s, std::string address);

}  // namespace dovetail::mta::smtpd
