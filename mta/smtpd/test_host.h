// The surroundings of a session in tests: main.cf from text, a DNS of a few names, a queue in memory, an auth server that
// knows one user. No network, no root, no time.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>

#include "mta/smtpd/session.h"

namespace dovetail::mta::smtpd {

// Names as in the recordings: good.test, dest.test, nullmx.test, rbl.test ...; temp.test never answers.
std::shared_ptr<net::Resolver> make_test_dns();

// Each finished message leaves the line "stored SENDER > RECIPIENTS [hold discard filter=F redirect=R bcc=B]: LINES" in the
// log, lines joined with '|'; our Received: header shows as "Received". `set store = full` makes open() fail.
std::unique_ptr<MessageStore> make_test_store(Logger log, std::string mode);

// Serves Dovecot's auth protocol on a listening socket: PLAIN and LOGIN, frank@example.test with "secret".
Task<> serve_test_auth(Loop& loop, Fd listener);

class TestHost {
 public:
  // settings: main.cf over the base of the recordings; "peer", "modes" and "store", "auth" are the host's own.
  TestHost(Loop& loop, std::map<std::string, std::string> settings);
  ~TestHost();
  // "" or why the server does not start.
  const std::string& problem() const { return problem_; }
  Task<> serve(Fd fd);
  Server& server() { return *server_; }

 private:
  void open_auth();
  Loop& loop_;
  std::map<std::string, std::string> settings_;
  std::string directory_, problem_;
  std::unique_ptr<Server> server_;
};

}  // namespace dovetail::mta::smtpd
