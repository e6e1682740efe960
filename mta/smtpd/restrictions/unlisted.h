// Whether an address exists here, by the tables of its class (reject_unlisted_recipient, reject_unlisted_sender).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "mta/smtpd/restrictions/restriction.h"

namespace dovetail::mta::smtpd {

Task<Verdict> refuse_unlisted_recipient(Check& c, std::string address);
Task<Verdict> refuse_unlisted_sender(Check& c, std::string address);

}  // namespace dovetail::mta::smtpd
