// A server on a socket that is asked one question at a time: socketmap:, tcp:, memcache:. Keeps connections, limits their
// number, replaces those the server has closed. What is said on them is the table's.
//
// While a server is away, one question at a time tries it; who comes behind a failure shares it. So a server that hangs
// costs a waiting message its time limit, not one limit for each message before it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/net/conn.h"
#include "lookup/remote/endpoint.h"
#include "lookup/remote/outage.h"

namespace dovetail::lookup {

class RemoteServer {
 public:
  struct Options {
    Endpoint endpoint;
    std::string connecting = "connect to";  // first words of a warning
    base::Milliseconds timeout{100'000};    // of connecting, and of one exchange
    base::Seconds idle{10};                 // an unused connection is closed
    base::Seconds age{100};                 // no connection is older
    unsigned connections = 4;
    bool every_failure = false;
    std::shared_ptr<net::Resolver> resolver;
  };
  RemoteServer(net::Loop& loop, Options options, const Logger& log);

  struct Session {
    std::unique_ptr<Conn> conn;
    base::Milliseconds born{0}, idle_since{0};
    bool reused = false;
  };
  // A place among the connections, given back when it goes.
  class Place {
   public:
    explicit Place(RemoteServer& server) : server_(server) { ++server_.busy_; }
    Place(const Place&) = delete;
    ~Place() {
      --server_.busy_;
      server_.free_.set();
    }

   private:
    RemoteServer& server_;
  };
  // Returns when there is a place; the caller then holds a Place.
  Task<> wait_for_place();
  // Held while a question is asked; during an outage only one holds it.
  Task<std::unique_ptr<net::AsyncMutex::Guard>> wait_for_probe();
  // Whether the question before this one has just failed, and this one shall share its answer.
  bool just_failed() const;

  // An idle connection, or a new one; a failure has been logged. The Error's text is that of errno.
  Task<Result<Session>> open();
  void keep(Session session);

  Outage& outage() { return outage_; }
  const Endpoint& endpoint() const { return options_.endpoint; }

 private:
  void close_idle();

  net::Loop& loop_;
  Options options_;
  Outage outage_;
  std::vector<Session> idle_;
  unsigned busy_ = 0;
  net::Event free_;
  net::AsyncMutex probe_;
  net::Timer idle_timer_;
};

}  // namespace dovetail::lookup
