// The child's side that both families share: accepting within limits, counting sessions, idle exit, control messages,
// orderly end. What differs (options, configuration, names of settings) is in run_postfix and run_dovecot.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "common/net/fd_pass.h"
#include "common/net/listen.h"
#include "common/net/loop.h"
#include "common/service/confine.h"
#include "common/service/service.h"
#include "common/service/tally.h"

namespace dovetail::net {
class Conn;
}

namespace dovetail::service {

// The hello that waits in the control channel, and the settings that came with it; nullopt: not started by a parent.
struct Hello {
  ControlMessage message;
  base::Fd settings, tickets, tally;
};
std::optional<Hello> receive_hello();
// The keys that came with it; null: none.
std::shared_ptr<net::TicketKeys> received_tickets(const Hello& hello);

class Runner {
 public:
  struct Limits {
    unsigned clients = 0;                            // at a time; 0: what RLIMIT_NOFILE allows
    unsigned uses = 0;                               // clients before the process ends; 0: no limit
    std::optional<std::chrono::milliseconds> idle;   // ends after this long without a client
  };
  // The tally, if there is one, counts against hello's clients_max.
  Runner(Role& role, Context& context, Limits limits, base::Fd tally = {});

  // Runs until told to end. `fifo` and `unix-dgram` listeners are read (a datagram is one trigger()), all others accept. Returns the exit status.
  int run();
  // One client that is already there (a session on standard input); ends with it.
  int run_one(base::Fd fd);

 private:
  struct Door {
    std::unique_ptr<net::Listener> listener;
    std::string label;
    bool ssl = false;
  };
  void open_doors();
  Task<> accept_clients(Door& door);
  Task<> serve_client(Client client);
  Task<> wait_for_place();
  Task<> read_triggers(Client client);
  Task<> read_fifo(int fd);
  Task<> obey_parent();
  void obey(const ControlMessage& message, std::vector<base::Fd> fds);
  void begin_drain();
  void stop_now();
  void session_ended();
  void tell_load();
  void check_end();
  void arm_idle();
  bool full() const;

  Role& role_;
  Context& context_;
  Limits limits_;
  std::deque<Door> doors_;
  std::shared_ptr<net::Channel> parent_;
  std::set<net::Conn*> visitors_;  // of a trigger socket; some stay to come again
  net::Event room_;                // a client left while accepting was paused
  std::unique_ptr<Tally> tally_;
  unsigned clients_max_ = 0;
  net::Timer idle_timer_, stop_timer_, end_timer_;
  unsigned clients_ = 0, served_ = 0;
  unsigned waiting_ = 0;  // accepted, but the service has no place for them yet
  bool draining_ = false;
  int status_ = 0;
};

}  // namespace dovetail::service
