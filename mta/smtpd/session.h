// One SMTP session: its state, and the loop that reads commands, obeys what all verbs share (TLS first, pipelining, junk
// and error counting, deadlines, logging) and hands each verb to its function (commands.h).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/file.h"
#include "common/mail/reply.h"
#include "common/net/conn.h"
#include "mta/smtpd/client.h"
#include "mta/smtpd/log.h"
#include "mta/smtpd/server.h"
#include "mta/smtpd/transaction.h"

namespace dovetail::mta::smtpd {

using mail::Reply;

inline constexpr size_t kCommandCount = 15;

// XFORWARD: what a filter in front of us says about the real client; only for logs and the queue file.
struct Forwarded {
  bool given = false;
  Client client;
  std::string helo, protocol, ident;
  bool local = false;
};

// What restrictions remember between the lists of one command.
struct CheckMemory {
  std::optional<Reply> defer_if_permit, defer_if_reject;
  std::optional<std::string> sender, recipient,
      etrn_domain;  // being checked, not (yet) the transaction's
  bool sender_listed = false, recipient_listed = false;  // the unlisted checks have run
};

class Session {
 public:
  // peer and local are told apart from the descriptor's so that tests can be anyone.
  Session(Server& server, Fd fd, const SockAddr& peer, const SockAddr& local, bool stress = false);
  ~Session();

  Task<> run();

  // --- for verbs and restrictions
  bool in_transaction() const { return mail.has_value(); }
  bool is_esmtp() const { return protocol == "ESMTP"; }
  bool discards(unsigned keyword) const { return discard_keywords & keyword; }
  std::string queue_id() const {
    return mail && mail->message ? mail->message->queue_id() : std::string();
  }
  TransactionText transaction_text() const;
  bool authenticated() const { return !sasl.username.empty(); }
  // AUTH may be used now: enabled, under TLS where that is asked for.
  bool sasl_active() const;
  // Sends an intermediate reply (354, 334) or one outside the command loop; delays it if errors piled up.
  Task<> send(Reply reply);
  Task<> send(int code, std::string dsn, std::string text);
  // Ends the session after the reply in hand.
  void hang_up() { hang_up_ = true; }
  // Back to the greeting, as after XCLIENT.
  void restart() { restart_ = true; }
  void forget_helo();
  void end_transaction() { mail.reset(); }
  void forgive_errors() { errors_ = junk_ = 0; }
  // Counts with anvil; an address that is over its limit gives the warning and true.
  bool counts_events() const { return counts_events_; }
  Task<> start_tls();

  Server& server;
  const SmtpdParameters& parameters;
  Conn conn;
  Client client;
  Client real_client;  // before XCLIENT
  std::string server_address, server_port;
  std::string protocol = "SMTP";
  std::optional<std::string> helo;
  std::optional<net::TlsInfo> tls;
  SaslText sasl;
  Forwarded forwarded;
  unsigned discard_keywords = 0;
  bool may_xclient = false, may_xforward = false;
  bool in_mynetworks = false;
  bool ill_pipelining = false;
  bool announce_auth = true;    // not in smtpd_sasl_exceptions_networks
  bool watch_bare_lf = false;   // smtpd_forbid_bare_newline applies to this client
  bool refuse_bare_lf = false;  // = reject
  std::optional<Transaction> mail;
  CheckMemory check;
  std::string_view where = "CONNECT";
  std::optional<uint64_t>
      bytes_in_data;  // while content is being read, for "lost connection after DATA (N bytes)"

 private:
  Task<> converse();
  Task<> greet();
  Task<bool> over_connection_limit();
  Task<> judge_client();
  Task<> one_command();
  Task<> run_verb(size_t index, std::string_view arguments);
  // True: the line was answered or ended the session, there is no verb to run.
  Task<bool> refuse_line(std::string_view text, std::string_view verb, std::optional<size_t> index);
  bool refuse_pipelining(size_t index);
  void count_error() { ++errors_; }
  void log_end();
  Task<> say_goodbye();

  std::array<VerbCount, kCommandCount + 1> counts_;
  std::optional<Reply> access_denied_;
  int errors_ = 0, junk_ = 0;
  bool hang_up_ = false, restart_ = false;
  bool counts_events_ = false, connected_to_anvil_ = false;
  bool local_program_ = false;  // the peer is no internet address: sendmail -bs
  std::string_view reason_;     // why the session ended, if not by QUIT
};

}  // namespace dovetail::mta::smtpd
