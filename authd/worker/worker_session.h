// One connection from auth in an auth -w process: question, blocking answer, question ... A process serves one connection
// (client_limit = 1) and is killed by its own alarm when a driver hangs.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "authd/settings.h"
#include "authd/worker/drivers.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/net/loop.h"

namespace dovetail::authd {

// Also the place of a driver's tests: what a question gives, without a connection.
DriverAnswer answer_question(const AuthSettings& settings, const WorkerQuestion& question);

net::Task<> serve_worker(net::Loop& loop, base::Fd fd, const AuthSettings& settings, Logger log);

}  // namespace dovetail::authd
