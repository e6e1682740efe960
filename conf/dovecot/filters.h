// The filters of dovecot.conf (protocol, local, local_name, remote): which match a connection, in which order they
// are taken, and when two of them contradict each other.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "conf/dovecot/settings.h"

namespace dovetail::conf::dovecot {

// "10.0.0.0/8", "::1", a host name (looked up once, here). Fills text with what doveconf prints.
Result<void> parse_filter_net(std::string_view text, Filter::Net& net, std::string& printed);
bool net_contains(const Filter::Net& outer, const Filter::Net& inner);

bool filter_matches(const Filter& filter, const Selector& who);
// Indexes of the filters that match, most specific first; the global one is last.
std::vector<std::size_t> matching_filters(const std::vector<Filter>& filters, const Selector& who);
// The same for a connection of which only the filter itself is known: all written filters that surely hold there.
std::vector<std::size_t> enclosing_filters(const std::vector<Filter>& filters, const Filter& inner);
// True if `outer` may set again what `inner` (taken before it) has set: it is the more general of the two.
// All filters, the widest first: by protocol, remote, local, local_name; else as they stand in the files.
std::vector<std::size_t> filters_from_wide_to_narrow(const std::vector<Filter>& filters);

bool filter_superset(const Filter& outer, const Filter& inner);
bool same_filter(const Filter& a, const Filter& b);
bool is_global(const Filter& filter);

}  // namespace dovetail::conf::dovecot
