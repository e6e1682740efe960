// One POP3 session in transaction state: reads commands, answers, and at QUIT lets the maildrop change.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "mda/pop3/maildrop.h"
#include "mda/pop3/pop3.h"

namespace dovetail::mda::pop3 {

// For pop3_logout_format.
struct SessionCounts {
  uint64_t top_count = 0, top_bytes = 0, retr_count = 0, retr_bytes = 0;
  size_t deleted = 0;  // for good
  uint64_t input = 0, output = 0;
};

class Session {
 public:
  Session(Conn& connection, SessionEnvironment environment);
  ~Session();
  Session(const Session&) = delete;

  Task<> run();
  void log_end() const;
  void end(std::string reason);

  Conn& conn;
  const Pop3Settings& settings;
  Logger log;
  SessionCounts counts;
  std::unique_ptr<Maildrop> drop;

  void reply(std::string_view line);
  // An answer that begins with -ERR; too many in a row end the session.
  void refuse(std::string_view line);
  // "-ERR [SYS/TEMP] Internal error ...", the reason goes to the log.
  void fail(const Error& error);
  // The message a number names, as an index into drop->messages; false: refused. What follows the number must begin with
  // a blank if there is more to come, else there must be nothing.
  bool message_number(std::string_view& arguments, size_t& index, bool more);
  bool whole_number(std::string_view& arguments, uint64_t& number);

 private:
  Task<bool> begin();
  Task<> execute(std::string line);

  SessionEnvironment environment_;
  std::string reason_;
  unsigned bad_commands_ = 0;
  bool refused_ = false;  // the present command
  bool ending_ = false;
  bool locked_ = false;
};

struct Command {
  std::string_view name;
  Task<> (*run)(Session& session, std::string arguments);
};
const Command* find_command(std::string_view name);

Task<> cmd_capa(Session& session, std::string arguments);
Task<> cmd_dele(Session& session, std::string arguments);
Task<> cmd_last(Session& session, std::string arguments);
Task<> cmd_list(Session& session, std::string arguments);
Task<> cmd_noop(Session& session, std::string arguments);
Task<> cmd_quit(Session& session, std::string arguments);
Task<> cmd_retr(Session& session, std::string arguments);
Task<> cmd_rset(Session& session, std::string arguments);
Task<> cmd_stat(Session& session, std::string arguments);
Task<> cmd_top(Session& session, std::string arguments);
Task<> cmd_uidl(Session& session, std::string arguments);

}  // namespace dovetail::mda::pop3
