// One conversation with one server: greeting, EHLO or LHLO, STARTTLS, AUTH; then any number of messages (transaction.h).
// RFC 5321, RFC 2033 (LMTP), RFC 3207, RFC 4954.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/log.h"
#include "common/mail/dsn.h"
#include "common/net/conn.h"
#include "mta/smtp/parameters.h"
#include "mta/smtp/targets.h"
#include "mta/smtp/tls_policy.h"

namespace dovetail::mta {

struct ServerReply {
  int code = 0;
  std::string dsn;      // from the reply, or made from its code; its class fits the code
  std::string text;     // all lines, joined by one blank
  bool ok() const { return code / 100 == 2; }
};
// Builds one reply from its lines; nullopt: more lines follow.
class ReplyReader {
 public:
  std::optional<ServerReply> add(std::string_view line);

 private:
  ServerReply reply_;
};

// Why a server cannot be used, or refused something.
struct Failure {
  mail::DsnText dsn;
  std::string diagnostic;     // the reply alone, for the report to the sender; empty: none
  bool retry_plain = false;   // TLS failed where it is not required: try again without
};

enum ServerFeatures : unsigned {
  kPipelining = 1, kSize = 2, kEightBitMime = 4, kDsn = 8, kStartTls = 16, kAuth = 32, kSmtpUtf8 = 64,
};

struct SaslCredentials {
  std::string user;
  Secret password;
};

class SmtpSession {
 public:
  SmtpSession(net::Loop& loop, base::Fd fd, Target target, const SmtpParameters& parameters, Logger log);

  // Up to the point where MAIL may be sent; nullopt: ready.
  Task<std::optional<Failure>> open(std::shared_ptr<const TlsPolicy> policy, bool plain_only,
                                    std::optional<SaslCredentials> credentials);
  // Sends one command and waits for its reply. `state` is what is being done, for "lost connection ... while STATE".
  Task<ServerReply> command(std::string text, conf::Seconds time, std::string_view state);
  Task<ServerReply> reply(conf::Seconds time, std::string_view state);
  Task<> quit();

  Conn& conn() { return conn_; }
  const Target& target() const { return target_; }
  bool has(ServerFeatures feature) const { return features_ & feature; }
  int64_t size_limit() const { return size_limit_; }
  std::string_view state() const { return state_; }
  int uses = 0;                 // messages so far
  base::Wall connected;         // for delays=
  // "4.4.2 lost connection with ... while ...", from the exception that ended the conversation.
  Failure lost(const IoError& io) const;
  Failure said(const ServerReply& reply, std::string_view command) const;

 private:
  Task<std::optional<Failure>> hello();
  Task<std::optional<Failure>> start_tls();
  Task<std::optional<Failure>> authenticate(SaslCredentials credentials);
  void read_features(const std::string& text);
  std::optional<Failure> check_certificate();

  Conn conn_;
  Target target_;
  const SmtpParameters& parameters_;
  Logger log_;
  std::shared_ptr<const TlsPolicy> policy_;
  bool verified_ = false;  // the certificate is the one the policy asks for
  unsigned features_ = 0;
  int64_t size_limit_ = 0;
  std::string mechanisms_;
  std::string_view state_ = "receiving the initial server greeting";
};

}  // namespace dovetail::mta
