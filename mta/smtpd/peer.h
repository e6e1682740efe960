// Finds the client's name: address -> name -> address again. A name that does not lead back is kept apart as the reverse
// name and the client counts as "unknown".
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/net/task.h"

namespace dovetail::mta::smtpd {

class Session;

Task<> find_client_name(Session& session);

}  // namespace dovetail::mta::smtpd
