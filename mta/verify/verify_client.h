// Asks and tells the verify service (private/verify) about addresses. Not reachable is a value of its own: the caller defers.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/net/loop.h"
#include "common/net/task.h"

namespace dovetail::mta {

// As on the wire and in the database.
enum class AddressStatus : int { ok = 0, deferred = 1, bounced = 2, todo = 3 };

struct AddressVerdict {
  AddressStatus status = AddressStatus::todo;
  std::string text;
};

namespace verify_wire {
inline constexpr std::string_view kProtocol = "verify_protocol";
}

// service: address_verify_service_name ("verify").
Task<Result<AddressVerdict>> ask_verify(net::Loop& loop, std::string service, std::string address);
// The outcome of a probe.
Task<Result<void>> tell_verify(net::Loop& loop, std::string service, std::string address,
                               AddressVerdict verdict);
// The sender of probes (address_verify_sender, address_verify_sender_ttl): double-bounce@myorigin, or with a part that
// changes with time, so that nobody can keep it.
std::string probe_sender(const std::string& address_verify_sender, const std::string& myorigin,
                         int64_t ttl, int64_t now);

}  // namespace dovetail::mta
