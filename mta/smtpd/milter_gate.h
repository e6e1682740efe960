// Milters are not spoken with yet. Mail that one would have to see is deferred; where the administrator wants mail
// accepted without a Milter that is down (milter_default_action = accept) and it is down, it is accepted, as the incumbent
// does. A Milter that answers is never passed by.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "common/mail/reply.h"
#include "common/net/task.h"

namespace dovetail::mta::smtpd {

class Session;

Task<std::optional<mail::Reply>> milters_stand_in_the_way(Session& s, const std::string& sender);

}  // namespace dovetail::mta::smtpd
