// What is said on private/proxymap and private/proxywrite: the incumbent's lists of attributes, so that either side may be
// his. Requests: {request, table, flags, key, value | function}; answers: {status, value | key, value | flags}.
// Manual: proxymap(8).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace dovetail::lookup::proxy_wire {

inline constexpr std::string_view kProtocol =
    "proxymap_protocol";  // said first by the server: {protocol}
inline constexpr std::string_view kOpen = "open", kLookup = "lookup", kUpdate = "update",
                                  kDelete = "delete", kSequence = "sequence";
enum Status : int { ok = 0, no_key = 1, retry = 2, bad = 3, denied = 4, config = 5 };
// Of a table's flags only these change what a client does: whether parts of an address may be asked for.
inline constexpr int kFixed = 1 << 4, kPattern = 1 << 5;
// Flags a client may ask with.
inline constexpr int kNoSubstitution = 1 << 11;

}  // namespace dovetail::lookup::proxy_wire
