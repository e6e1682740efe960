// What a right-hand side of an access(5) table, or of a policy server's answer, does.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "mta/smtpd/restrictions/restriction.h"

namespace dovetail::mta::smtpd {

// source: the table's name, for warnings.
Task<Verdict> take_action(Check& c, std::string source, std::string value);

// The keys of access tables for one subject, in the order they are asked.
std::vector<std::string> domain_keys(std::string_view name,
                                     bool parents_match);         // name, then parents
std::vector<std::string> network_keys(std::string_view address);  // address, then shorter prefixes
std::vector<std::string> sender_keys(std::string_view address, std::string_view delimiter,
                                     bool parents_match);

// Asks for each key in turn and acts on the first hit. The first key is asked of pattern tables too.
Task<Verdict> ask_table(Check& c, const Restriction& r, std::vector<std::string> keys);
// Both a host's name and its address.
Task<Verdict> ask_host(Check& c, const Restriction& r, std::string name, std::string address);

}  // namespace dovetail::mta::smtpd
