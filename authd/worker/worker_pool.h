// auth's side of its workers: connections to the socket auth-worker, as many as questions wait (at most
// auth_worker_max_count), given back when idle. Each connection is one process of service auth-worker. A worker that does
// not answer in time is left; it kills itself.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "authd/passdb/passdb.h"
#include "authd/userdb/userdb.h"
#include "authd/worker/worker_protocol.h"
#include "common/base/log.h"
#include "common/net/conn.h"

namespace dovetail::authd {

class WorkerPool {
 public:
  WorkerPool(net::Loop& loop, std::string path, unsigned max_count, Logger log);

  net::Task<WorkerAnswer> ask(std::string line);

 private:
  struct Worker {
    std::unique_ptr<net::Conn> conn;
    base::Milliseconds idle_since{0};
  };
  net::Task<std::unique_ptr<net::Conn>> take();
  net::Task<WorkerAnswer> talk(net::Conn& conn, std::string line);
  void close_idle();

  net::Loop& loop_;
  std::string path_;
  size_t max_count_;
  Logger log_;
  std::vector<Worker> idle_;
  size_t busy_ = 0;
  net::Event freed_;
  net::Timer idle_timer_;
};

std::unique_ptr<Passdb> make_worker_passdb(WorkerPool* workers, std::string driver,
                                           std::string args);
std::unique_ptr<Userdb> make_worker_userdb(WorkerPool* workers, std::string args);

}  // namespace dovetail::authd
