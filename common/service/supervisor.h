// The parent's side of a family of daemons, shared by `master` and `dovecot`: binds listeners, starts children when a client
// comes (or at once), restarts them, throttles those that cannot start, and at a reload lets a new generation take over
// while the old one finishes. It reads no foreign byte; the words of its log lines are the two parents'.
//
// A service without a living process is watched here: the first client makes the parent start the processes, which then
// accept on the shared listener themselves (no SO_REUSEPORT: a process that ends must not take its backlog with it).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/secret.h"
#include "common/net/address.h"
#include "common/net/fd_pass.h"
#include "common/net/loop.h"
#include "common/service/control.h"

namespace dovetail::service {

// One thing to listen on. Equal keys keep their descriptor, and with it their backlog, over a reload.
struct ListenerSpec {
  enum class Kind { inet, unix_stream, unix_datagram, fifo };
  Kind kind = Kind::inet;
  SockAddr address;        // inet
  std::string path;        // the others
  mode_t mode = 0666;
  uid_t uid = static_cast<uid_t>(-1);  // -1: leave
  gid_t gid = static_cast<gid_t>(-1);
  int backlog = 511;
  std::string label;       // what the child is told: "imap", "imaps ssl", "auth-userdb"

  std::string key() const;
};

struct ServiceSpec {
  std::string name;                    // unique: "smtp inet", "imap-login"
  std::string path;                    // program
  std::vector<std::string> argv;       // argv[0] first
  std::vector<std::string> environment;
  std::vector<ListenerSpec> listeners;
  unsigned processes = 1;              // started together; they share the listeners. 0: only the endpoint exists
  unsigned processes_max = 0;          // more are started one by one while all are full; 0: no more
  bool at_start = false;               // does not wait for a client (process_min_avail, qmgr)
  std::chrono::seconds wakeup{0};      // 0: never
  bool wakeup_if_used = false;
  ControlMessage hello;                // sent with verb "hello"; "listener.N" is added here
  std::string settings;                // travels in a sealed memory file; empty: none
  bool drops_oldest = false;           // at the limit a waiting client makes the oldest before login go
  bool wants_tickets = false;          // speaks TLS: gets the keys of set_tickets()
  unsigned clients_max = 0;            // at a time, over all processes and generations; 0: no limit
  std::string settings_key;            // changes when the service must be restarted at a reload
};

class Tally;

class Supervisor {
 public:
  struct Ended {
    const ServiceSpec& spec;
    pid_t pid;
    int status;    // as waitpid gave it
    bool ready;    // had it told that it serves
    bool asked;    // had we told it to end
  };
  // The parent's words and rules.
  class Owner {
   public:
    virtual ~Owner() = default;
    // A child has ended: log it. Returns how long the service must not be started again (0: at once if needed).
    virtual std::chrono::milliseconds child_ended(const Ended& ended) = 0;
    virtual void cannot_start(const ServiceSpec& spec, const Error& error) = 0;
    // The service has as many clients as it may (or processes, if each serves one): the next one has to wait.
    virtual void limit_reached(const ServiceSpec&) {}
    // A message that is not the supervisor's own business.
    virtual void child_said(const ServiceSpec&, pid_t, const ControlMessage&, std::vector<base::Fd>) {}
  };

  Supervisor(Loop& loop, Owner& owner);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;

  // Whether children get our standard error (running in the foreground); else they have none.
  void keep_standard_error(bool keep) { keep_standard_error_ = keep; }
  // Takes over these services. All listeners are bound before anything is changed: an error leaves everything as it was.
  // What runs already is told to drain, and what had processes gets new ones at once.
  Result<void> configure(std::vector<ServiceSpec> specs);
  // Tells every child to stop; `then` is called when all are gone, at the latest after `patience`, when they are killed.
  void stop(std::chrono::milliseconds patience, std::function<void()> then);
  void broadcast(const ControlMessage& message);
  // Other settings (a renewed certificate) for the processes that run and those to come: message "settings" with a sealed
  // memory file. Nothing is restarted.
  void renew(std::string_view service, std::string settings);
  // Keys of TLS tickets for all processes that want them, of all generations: message "tickets".
  void set_tickets(Secret keys);
  // To all processes of one service's current generation; false if there are none.
  bool tell(std::string_view service, const ControlMessage& message, const std::vector<int>& fds = {});
  // To one process of any generation.
  void tell_process(pid_t pid, const ControlMessage& message);
  void wake(std::string_view service);
  // Starts the service's processes now if there are none.
  bool start_now(std::string_view service);
  size_t children() const;
  std::vector<pid_t> pids() const;

 private:
  struct Child;
  struct Service;
  using Bound = std::map<std::string, std::shared_ptr<base::Fd>>;

  Result<Bound> bind_all(const std::vector<ServiceSpec>& specs);
  void adopt(Service& service);
  bool wants_process(const Service& service) const;
  void watch(Service& service);
  void unwatch(Service& service);
  bool overflows(const Service& service) const;
  void overflow(Service& service);
  void ask_for_room(Service& service);
  void start(Service& service);
  Result<void> start_child(Service& service);
  Result<std::vector<Fd>> memory_for(Service& service, Child& child, ControlMessage& hello);
  void hand_out(Service& service, const char* verb, std::string_view bytes);
  void reap();
  void child_gone(Service& service, std::list<Child>::iterator child, int status);
  void schedule_wakeup(Service& service);
  void deliver_wakeup(Service& service);
  Task<> listen_to(Service* service, std::shared_ptr<net::Channel> channel, pid_t pid);
  void heard(Service* service, pid_t pid, net::FdMessage message);
  Service* find(std::string_view name);

  Loop& loop_;
  Owner& owner_;
  Bound bound_;
  std::list<std::unique_ptr<Service>> services_;  // current ones and those whose children still drain
  std::map<std::string, std::unique_ptr<Tally>, std::less<>> tallies_;  // by service, kept over reloads
  Secret tickets_;
  std::unique_ptr<net::Signal> child_signal_;
  std::unique_ptr<net::Timer> stop_timer_;
  std::function<void()> stopped_;
  bool stopping_ = false;
  bool keep_standard_error_ = false;
};

// Binds one listener with its owner and mode; the parent directory must exist.
Result<base::Fd> bind_listener(const ListenerSpec& spec);

}  // namespace dovetail::service
