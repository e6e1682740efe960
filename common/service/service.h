// What every daemon's main() is made of: it inherits listeners and a control channel from its parent (master, dovecot),
// reads its configuration with the rights it still has, opens what needs rights, confines itself, then serves clients.
//
//   int main(int argc, char** argv) { mta::SmtpdRole role; return service::run_postfix_service(argc, argv, "smtpd", role); }
//
// Descriptors: kControlFd the control channel (SOCK_SEQPACKET) to the parent, listeners from kFirstListenerFd on.
// Limits (client_limit, process limits) are the parent's to say and the runner's to keep; a role never counts clients.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/result.h"
#include "common/net/address.h"
#include "common/net/loop.h"

namespace dovetail::service {

inline constexpr int kControlFd = 5;
inline constexpr int kFirstListenerFd = 6;

// What the runner knows and a role may ask for.
struct Context {
  net::Loop& loop;
  Logger log;                        // "postfix/submission/smtpd", "imap-login"
  std::string program;               // "smtpd", "imap-login"
  std::string service;               // Postfix: service name of master.cf ("submission"); Dovecot: the service's name
  std::string transport;             // Postfix: "inet", "unix", "fifo", "pass"; empty for Dovecot
  std::vector<std::string> arguments;  // the program's own words (pipe: flags=.. user=.. argv=..)
  bool stress = false;
  unsigned client_limit = 0;         // 0: what the descriptors allow
};

class Role {
 public:
  virtual ~Role() = default;
  // Rights are still there: open tables, keys, log, sockets. An error is fatal: one line, exit 1.
  virtual Result<void> prepare(Context& context) = 0;
  // Confined, the loop is about to run.
  virtual void start(Context&) {}
  // One accepted client. The runner logs what leaves it as an exception and counts it against the limits.
  virtual Task<> serve(Context& context, base::Fd client, SockAddr peer) = 0;
  // A trigger fifo or socket was written to (qmgr, pickup: wake-up bytes as the incumbent's).
  virtual void trigger(Context&, std::string_view) {}
  // Listeners are closed; idle sessions should end. The process exits when all clients are gone.
  virtual void drain(Context&) {}
};

}  // namespace dovetail::service
