// Asks an auth server whether a user is who he says (Dovecot's auth client protocol 1.2:
// private/auth, auth-login). smtpd and login hold one AuthClient per process and socket: it
// connects when first asked, keeps many requests in flight on one connection, and connects again
// when the server went away. A server that cannot be reached is an outcome of its own
// (AuthReply::unavailable), never a wrong password.
//
//   auto mechs = co_await auth.mechanisms(Milliseconds(5000));        // what EHLO / CAPABILITY may
//   offer proto::AuthExchange exchange(auth); auto reply = co_await exchange.start(request); //
//   request names mechanism, service, addresses while (reply.status == AuthReply::cont) reply =
//   co_await exchange.answer(response from the client);
//
// An AuthExchange that ends unfinished sends CANCEL. Everything is on one loop; nothing here logs a
// response.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/result.h"
#include "common/base/secret.h"
#include "common/net/task.h"
#include "common/proto/auth_fields.h"

namespace dovetail::net {
class Loop;
}

namespace dovetail::proto {

struct AuthMech {
  std::string name;  // "PLAIN", in the server's order
  bool plaintext = false;
  bool dictionary = false;
  bool active = false;
  bool forward_secrecy = false;
  bool mutual_auth = false;
  bool anonymous = false;
  bool hidden = false;  // "private": never offered to clients
};

// What is known about the client and his connection; empty fields are not sent.
struct AuthRequest {
  std::string mechanism;  // as the client wrote it; sent in upper case
  std::string service;    // "smtp", "imap", "pop3"
  bool secured = false;   // TLS, or a connection within this host
  bool tls = false;       // sends secured=tls (login only; Postfix sends the bare flag)
  bool nologin = false;   // only the answer counts, nobody logs in to a mailbox here (smtpd)
  bool no_penalty = false;
  bool valid_client_cert = false;
  std::string cert_username;
  std::string local_ip, remote_ip;
  uint16_t local_port = 0, remote_port = 0;
  std::string local_name;  // TLS SNI name
  std::string session;     // session id
  std::string client_id;
  AuthFields more;  // anything else, sent behind the fields above
  std::optional<Secret>
      initial_response;  // base64 as the client sent it; "" or "=" is an empty one
};

// What the mail process needs to ask the master side for this login (auth_master.h, request()).
struct AuthHandover {
  pid_t client_pid = 0;
  uint32_t request_id = 0;
  std::string cookie;  // 32 hexadecimal digits
  pid_t server_pid = 0;
};

struct AuthReply {
  enum Status { ok, cont, fail, unavailable };
  Status status = unavailable;
  std::string challenge;  // cont: base64, may be empty
  AuthFields fields;      // ok, fail: all of the line
  std::string user;       // ok, fail: "user="; may be empty
  std::string raw;  // ok, fail: what stood behind the id, for doveadm, which shows it as it is
  AuthHandover handover;  // ok
  std::string error;      // unavailable: why, for a log line

  // fail: what the server says of it. temporary() covers code=temp_fail and the old flag "temp".
  std::string code() const { return fields.get("code").value_or(std::string()); }
  std::string reason() const { return fields.get("reason").value_or(std::string()); }
  bool temporary() const {
    return status == unavailable || code() == "temp_fail" || fields.has("temp");
  }
};

class AuthClient {
 public:
  // path: absolute or relative to the current directory (private/auth). Does not connect yet.
  AuthClient(net::Loop& loop, std::string path, Logger log);
  ~AuthClient();
  AuthClient(const AuthClient&) = delete;

  // Connects if needed and waits for the handshake, at most time; an Error (temporary) says why
  // there is none.
  net::Task<Result<std::vector<AuthMech>>> mechanisms(base::Milliseconds time);
  // Of the handshake that holds now; nullptr while there is no connection.
  const std::vector<AuthMech>* known_mechanisms() const;
  bool connected() const { return known_mechanisms() != nullptr; }
  // Ends the connection; what is in flight gets unavailable. Asking again connects again.
  void close();
  // How long start() and answer() wait for the server (150 s as the server's own limit, and a bit).
  void set_reply_timeout(base::Milliseconds time);

 private:
  friend class AuthExchange;
  struct State;
  std::shared_ptr<State> state_;
};

// One AUTH request from start to its end.
class AuthExchange {
 public:
  explicit AuthExchange(AuthClient& client) : state_(client.state_) {}
  ~AuthExchange();
  AuthExchange(const AuthExchange&) = delete;

  // A mechanism the server did not name is answered here (fail, code=auth_mech_invalid): the server
  // would hang up.
  net::Task<AuthReply> start(AuthRequest request);
  // response: base64 as the client sent it.
  net::Task<AuthReply> answer(Secret response);
  void cancel();

 private:
  net::Task<AuthReply> wait(std::string line);
  std::shared_ptr<AuthClient::State> state_;
  uint32_t id_ = 0;  // 0: nothing in flight
  uint64_t generation_ = 0;
};

}  // namespace dovetail::proto
