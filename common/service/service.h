// What every daemon's main() is made of: it inherits listeners and a control channel from its parent (master, dovecot),
// reads its configuration with the rights it still has, opens what needs rights, confines itself, then serves clients.
//
//   int main(int argc, char** argv) { mta::SmtpdRole role; return service::run_postfix_service(argc, argv, "smtpd", role); }
//
// Descriptors: kControlFd the control channel (SOCK_SEQPACKET) to the parent, listeners from kFirstListenerFd on.
// Limits (client_limit, process limits) are the parent's to say and the runner's to keep; a role never counts clients.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/result.h"
#include "common/net/address.h"
#include "common/net/loop.h"
#include "common/service/control.h"

namespace dovetail::conf {
class MainCf;
namespace dovecot {
class Tree;
}
}  // namespace dovetail::conf
namespace dovetail::net {
class TicketKeys;
}

namespace dovetail::service {

inline constexpr int kControlFd = 5;
inline constexpr int kFirstListenerFd = 6;

class FileSnapshot;

// One accepted connection.
struct Client {
  base::Fd fd;
  SockAddr peer;
  std::string listener;  // the parent's label of the listener: Postfix "" (one per service); Dovecot its name:
                         // "imap", "imaps", "auth-userdb", "private/auth" (last two path parts of other paths), see run_dovecot.h
  bool listener_ssl = false;  // ssl = yes of an inet_listener
};

// What the runner knows and a role may ask for.
struct Context {
  net::Loop& loop;
  Logger log;                          // "postfix/submission/smtpd", "imap-login"
  std::string program;                 // "smtpd", "imap-login"
  std::string service;                 // Postfix: service name of master.cf ("submission"); Dovecot: the service's name
  std::string transport;               // Postfix: "inet", "unix", "fifo", "pass"; empty for Dovecot
  std::vector<std::string> arguments;  // the program's own words (pipe: flags=.. user=.. argv=..; auth: -w)
  unsigned client_limit = 0;           // of this process; 0: what the descriptors allow
  const conf::MainCf* main_cf = nullptr;           // Postfix services; -o overrides are in it
  const conf::dovecot::Tree* settings = nullptr;   // Dovecot services: what the parent packed for this one
  ControlMessage hello;                            // further facts from the parent
  std::shared_ptr<net::TicketKeys> tickets;        // the parent's, kept up to date; null: make your own
  const FileSnapshot* files = nullptr;             // Postfix: certificates and keys as the parent has read them
  std::function<void(const ControlMessage&, const std::vector<int>& fds)> tell_parent;
};

class Role {
 public:
  virtual ~Role() = default;
  // Rights are still there: open tables, keys, log, sockets. An error is fatal: one line, exit 1.
  virtual Result<void> prepare(Context& context) = 0;
  // Confined, the loop is about to run.
  virtual void start(Context&) {}
  // One accepted client; the task ends with its session. The runner counts it against the limits, drops an IoError that
  // leaves it and logs any other exception.
  virtual Task<> serve(Context& context, Client client) = 0;

  // Services that are only woken (qmgr, pickup): their clients' bytes go to trigger(), and serve() is never called.
  virtual bool wants_triggers() const { return false; }
  // Trigger bytes as the incumbent's ('W' is the parent's periodic wake-up).
  virtual void trigger(Context&, std::string_view) {}
  // A parent's message that is not the runner's business; "settings": newer ones in fds[0] (a renewed certificate), for
  // the sessions to come.
  virtual void control(Context&, const ControlMessage&, std::vector<base::Fd>) {}
  // The service has as many clients as it may, and one more has come: say goodbye to one who has to give way. False: there
  // is none, the new one waits.
  virtual bool make_room() { return false; }
  // Work without a client (qmgr, timers): such a process never ends for idleness, and a drain waits for it.
  virtual bool busy() const { return false; }
  // The parent wants the end at once, not a drain (which follows): say goodbye to whom there is.
  virtual void stop(Context&) {}
  // Listeners are closed; idle sessions should end now. The process exits when all clients are gone and busy() is false.
  virtual void drain(Context&) {}
};

}  // namespace dovetail::service
