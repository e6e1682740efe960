// Whether a name can be reached by mail at all: MX, A or AAAA. "Could not find out" stays apart from "is not there".
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "common/net/dns.h"
#include "mta/smtpd/restrictions/restriction.h"

namespace dovetail::mta::smtpd {

enum class HostFound { yes, no, null_mx, unsure };
Task<HostFound> find_mail_host(net::Resolver& dns, std::string name);

// What a ..._tempfail_action says to do about a lookup that failed for now: defer_if_permit (also for what we do not
// know) or defer.
Verdict tempfail(Check& c, std::string_view action, std::string_view dsn, std::string text);

}  // namespace dovetail::mta::smtpd
