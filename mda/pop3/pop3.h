// POP3 after login (RFC 1939, RFC 2449): what the worker calls.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <set>
#include <string>

#include "common/base/log.h"
#include "common/net/conn.h"
#include "mda/pop3/pop3_settings.h"
#include "mda/storage/store.h"

namespace dovetail::mda::pop3 {

// INBOXes that a session holds for itself (pop3_lock_session). One set per worker is enough: a user's sessions all meet in
// one worker.
using SessionLocks = std::set<const Store*>;

struct SessionEnvironment {
  std::shared_ptr<Store> store;
  std::shared_ptr<const Pop3Settings> settings;
  Logger log{"pop3"};  // named "pop3(user)<pid><session>"
  SessionLocks* locks = nullptr;
};

// Answers the login with "+OK Logged in.", speaks POP3 until the client leaves, and logs the "Disconnected:" line. Never
// throws.
Task<> run_pop3(Conn& conn, SessionEnvironment environment);

}  // namespace dovetail::mda::pop3
