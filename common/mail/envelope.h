// The envelope of a message with everything that travels beside it in the queue: recipients with
// their DSN options, where it came from, how it was authenticated. Plain values; the queue file's
// form is mta/queue's.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/mail/dsn.h"

namespace dovetail::mail {

struct Recipient {
  std::string address;    // internal form
  std::string orig_rcpt;  // as first received, internal form; empty: unknown or disabled
  std::string dsn_orcpt;  // "rfc822;user@example.org", decoded; empty: none
  int dsn_notify = 0;     // NotifyFlags
  off_t offset = 0;       // of its R record in the queue file
};

// Who handed the message in. The incumbent keeps two sets: what is logged (XFORWARD changes it) and
// the real session.
struct ClientInfo {
  std::string name;  // "unknown" if there is none
  std::string reverse_name;
  std::string address;  // "192.0.2.1", "IPv6:2001:db8::1" as in logs without brackets
  std::string port;
  std::string helo;
  std::string protocol;    // "ESMTP", "SMTP", "QMQP"
  int address_family = 0;  // AF_INET ...
  std::string server_address;
  std::string server_port;
};

enum class Encoding { none, seven_bit, eight_bit };
// Of the size record; what SMTPUTF8 support the next hop must have.
enum SmtpUtf8Flags : int {
  kUtf8Requested = 1,
  kUtf8Header = 2,
  kUtf8Sender = 4,
  kUtf8Recipient = 8
};

struct Envelope {
  std::string sender;  // internal form; empty: null sender
  std::string full_name;
  std::vector<Recipient> recipients;
  base::Wall arrival;
  Encoding encoding = Encoding::none;
  int smtputf8 = 0;       // SmtpUtf8Flags
  int dsn_ret = 0;        // RetFlags
  std::string dsn_envid;  // decoded
  std::string verp_delims;
  bool rewrite_local = true;  // rewrite_context=local; else remote
  ClientInfo client;          // client_*, helo_name, protocol_name ...
  ClientInfo log_client;      // log_client_*; equal to client without XFORWARD
  std::string log_origin;     // log_message_origin: "localhost[127.0.0.1]"
  std::string log_ident;      // log_ident: the queue id before XFORWARD
  std::string sasl_method, sasl_username, sasl_sender;
  std::string filter;    // content filter transport:nexthop
  std::string redirect;  // address that gets it instead of all recipients
  int trace_flags = 0;
  // Attributes nobody here knows; carried along.
  std::map<std::string, std::string> other;
};

}  // namespace dovetail::mail
