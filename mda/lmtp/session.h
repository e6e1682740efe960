// One LMTP connection (RFC 2033): commands, transactions, and per recipient the outcome of the delivery. Users are looked
// up and messages stored by a Backend, which in the daemon is the broker. Commands are in cmd_*.cc, the loop over them
// in session.cc.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/log.h"
#include "common/net/conn.h"
#include "common/net/pool.h"
#include "mda/broker/delivery.h"
#include "mda/lmtp/lmtp_settings.h"
#include "mda/lmtp/message_file.h"
#include "mda/lmtp/path.h"

namespace dovetail::mda::lmtp {

// Who asks about a user.
struct LookupFor {
  std::string user, session, local_ip, remote_ip;
};

class Backend {
 public:
  virtual ~Backend() = default;
  // Whether the userdb has this user. An Error is temporary.
  virtual Task<Result<FoundUser>> find_user(LookupFor lookup) = 0;
  // Stores the message durably. An Error is temporary; nothing is known to be stored.
  virtual Task<Result<DeliveryAnswer>> deliver(Delivery delivery, int fd) = 0;
};

// Deliveries in progress per user, for lmtp_user_concurrency_limit; shared by all sessions.
using UserCounts = std::map<std::string, unsigned, std::less<>>;

struct Services {
  Backend& backend;
  net::Pool& pool;
  Logger log;  // "lmtp(PID)"
  UserCounts& users;
};

struct Recipient {
  Path path;
  std::string user, detail;
  std::string session;            // with its suffix
  std::string lookup;             // of FoundUser
  std::string reply;              // after the delivery
  std::optional<size_t> same_as;  // an earlier RCPT of the same mailbox: one copy, two replies
};

struct Transaction {
  std::string id;
  Path sender;
  std::vector<Recipient> recipients;
  unsigned refused = 0;               // RCPT commands answered with an error
  std::unique_ptr<MessageFile> file;  // during DATA, BDAT
};

class Session {
 public:
  Session(Conn& connection, std::shared_ptr<const LmtpSettings> settings, const Services& services);
  ~Session();
  Session(const Session&) = delete;

  // Logs "Connect from" and "Disconnect from", and never throws.
  Task<> run();
  // Says goodbye now if the client is between commands, else after the present one.
  void shut_down();

  // --- for the commands
  Conn& conn;
  const LmtpSettings& settings;
  net::Pool& pool;
  Backend& backend;
  Logger log;
  std::string helo;  // of LHLO; empty: none yet
  std::optional<Transaction> transaction;
  bool lf_lines = false;  // the present command ended with a bare LF

  void reply(std::string_view text);  // one line
  void begin_transaction(Path sender);
  void end_transaction();
  // False, and the recipient not counted, if the user has as many deliveries as are allowed.
  bool count_user(const std::string& user);
  void set_state(std::string_view state) { state_ = state; }
  // Ends the connection after what has been put so far.
  void close(std::string reason);
  void quit() { close("Logged out"); }
  std::string remote_ip() const;
  std::string local_ip() const;
  // Bytes of the message are on their way: why a lost connection ends a transaction.
  void set_receiving(std::string_view command) { receiving_ = command; }

 private:
  Task<> read_commands();
  Task<> execute(std::string line);
  void bad_command(std::string_view text);
  std::string end_reason(const IoError& error) const;

  UserCounts& users_;
  std::shared_ptr<const LmtpSettings> kept_;
  std::string session_id_;
  std::string state_ = "GREETING";
  std::string_view receiving_;
  std::string reason_;
  unsigned transactions_ = 0;
  unsigned bad_commands_ = 0;
  bool ending_ = false;
  bool waiting_ = false;  // for a command
  bool shutting_down_ = false;
};

struct Command {
  std::string_view name;
  Task<> (*run)(Session& session, std::string arguments);
};
const Command* find_command(std::string_view name);

Task<> cmd_lhlo(Session& session, std::string arguments);
Task<> cmd_mail(Session& session, std::string arguments);
Task<> cmd_rcpt(Session& session, std::string arguments);
Task<> cmd_data(Session& session, std::string arguments);
Task<> cmd_bdat(Session& session, std::string arguments);
Task<> cmd_rset(Session& session, std::string arguments);
Task<> cmd_noop(Session& session, std::string arguments);
Task<> cmd_vrfy(Session& session, std::string arguments);
Task<> cmd_quit(Session& session, std::string arguments);
Task<> cmd_starttls(Session& session, std::string arguments);
Task<> cmd_xclient(Session& session, std::string arguments);

// Delivers the received message to every recipient and puts one reply for each, in their order (RFC 2033 4.2).
Task<> deliver_message(Session& session);

}  // namespace dovetail::mda::lmtp
