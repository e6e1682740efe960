// The worker processes of a broker: one set per identity, started when first needed, each a channel over which jobs
// (sessions, deliveries) are given with their descriptors. A session that a worker has not taken when it ends for idleness
// goes to the next one; one that was being worked on is lost with its worker and its owner is told. A delivery, which may be
// done twice but not lost, is given to the next worker once, taken or not: then it is not this message that ends workers.
//
//   broker -> worker: session, deliver, kick    worker -> broker: taken id (sessions), ended id, answer id ..., idle
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/net/fd_pass.h"
#include "common/net/loop.h"
#include "common/service/control.h"
#include "mda/broker/containment.h"
#include "mda/broker/identity.h"

namespace dovetail::mda {

struct WorkerStart {
  std::string program;
  std::string settings;  // packed, without private keys
  std::chrono::seconds idle_kill{60};
  unsigned workers_per_identity = 1;
  // mail_isolation: whom users of one identity share their processes with.
  enum class Isolation { uid, domain, user } isolation = Isolation::uid;
};

class Workers {
 public:
  // Called once: with the worker's last word ("ended", "answer"), or null if the worker is gone.
  using Done = std::function<void(const service::ControlMessage*)>;

  Workers(Loop& loop, Logger log, WorkerStart start);
  ~Workers();  // ends all workers
  Workers(const Workers&) = delete;

  struct Given {
    uint64_t id = 0;
    pid_t pid = 0;
  };
  // Gives a job to the user's worker; "id" is added to the message. The descriptor becomes the worker's. alone: a process
  // for this job only (service_count = 1).
  Result<Given> give(const MailIdentity& identity, const std::string& user,
                     service::ControlMessage message, base::Fd fd, Done done, bool alone = false);
  void tell(uint64_t id, const service::ControlMessage& message);
  size_t jobs() const { return jobs_.size(); }
  // Every worker says goodbye to its clients and ends.
  void stop();

 private:
  struct Worker;
  struct Job;
  // Where a job goes: jobs of one slot share a process.
  struct Slot {
    MailIdentity identity;
    unsigned number = 0;
    std::string
        owner;  // user, @domain or #job whose process it is; empty: of all with this identity
    friend auto operator<=>(const Slot&, const Slot&) = default;
  };

  Slot slot_of(const MailIdentity& identity, const std::string& user);
  std::shared_ptr<Worker> find_or_start(const Slot& slot, const std::string& user, Error& error);
  Result<std::shared_ptr<Worker>> start(const Slot& slot);
  void send(const std::shared_ptr<Worker>& worker, std::string bytes, std::shared_ptr<base::Fd> fd);
  Task<> send_all(std::shared_ptr<Worker> worker);
  Task<> listen_to(std::shared_ptr<Worker> worker);
  void heard(Worker& worker, const service::ControlMessage& message);
  void hear_last_words(Worker& worker);
  void reap();
  void worker_gone(const std::shared_ptr<Worker>& worker, int status);
  void log_end(const Worker& worker, int status) const;
  void blame(const Worker& worker);
  void finish(uint64_t id, const service::ControlMessage* message);

  Loop& loop_;
  Logger log_;
  WorkerStart start_;
  std::map<Slot, std::shared_ptr<Worker>> workers_;  // those that take new jobs
  std::map<pid_t, std::shared_ptr<Worker>> alive_;
  std::map<uint64_t, Job> jobs_;
  std::map<MailIdentity, std::set<std::string>> users_;  // who has been seen, up to two
  Containment containment_;
  uint64_t last_id_ = 0;
  std::unique_ptr<net::Signal> child_signal_;
};

}  // namespace dovetail::mda
