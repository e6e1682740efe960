// One client of anvil (an smtpd process): requests in, figures out. Connections it still counts when it goes are ended.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/net/conn.h"
#include "mta/anvil/counters.h"

namespace dovetail::mta::anvil {

Task<> serve_client(Conn& conn, Counters& counters);

}  // namespace dovetail::mta::anvil
