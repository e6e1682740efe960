// The connection under AuthClient and AuthMaster: connects when asked, hands each line to its
// owner, tells him when it broke, and can be opened again. One coroutine reads and writes; send()
// only queues and wakes it. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/base/log.h"
#include "common/base/result.h"
#include "common/net/loop.h"

namespace dovetail::net {
class Conn;
}

namespace dovetail::proto {

class AuthLink : public std::enable_shared_from_this<AuthLink> {
 public:
  AuthLink(net::Loop& loop, std::string path, Logger log);
  virtual ~AuthLink();
  AuthLink(const AuthLink&) = delete;

  // Connected, and greeted by the server. Many may wait at once; one of them connects.
  net::Task<Result<void>> open(base::Milliseconds time);
  bool is_open() const { return ready_; }
  // Counts connections: what was asked on an older one is lost.
  uint64_t generation() const { return generation_; }
  void send(std::string_view line);
  void close(std::string why);
  net::Loop& loop() const { return loop_; }

 protected:
  // What we say first.
  virtual std::string greeting() const = 0;
  // One line without its end; a text is what is wrong with it, and ends the connection.
  virtual std::string on_line(std::string_view line) = 0;
  // The connection is gone: everything in flight has to be told.
  virtual void on_down(const std::string& why) = 0;
  // The server's greeting is complete.
  void set_ready();

 private:
  struct Live;
  static net::Task<> run(std::shared_ptr<AuthLink> self, std::shared_ptr<Live> live);
  net::Task<> pump(Live& live);
  net::Task<Result<void>> connect(base::Milliseconds time);
  void down(const Live* live, std::string why);

  net::Loop& loop_;
  std::string path_;
  Logger log_;
  std::shared_ptr<Live> live_;
  net::Event changed_;
  std::string why_down_;
  uint64_t generation_ = 0;
  bool connecting_ = false;
  bool ready_ = false;
};

}  // namespace dovetail::proto
