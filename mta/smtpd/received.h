// The Received: header smtpd puts before a message (RFC 5321 4.4), in the incumbent's shape.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/net/tls.h"
#include "mta/smtpd/client.h"

namespace dovetail::mta::smtpd {

struct ReceivedParts {
  const Client& client;
  std::string helo;  // empty: the client's name stands there
  std::string myhostname, mail_name, queue_id;
  bool esmtp = false, smtputf8 = false;
  bool authenticated = false;              // ESMTPA, ESMTPSA
  bool over_tls = false;                   // ESMTPS, ESMTPSA
  const net::TlsInfo* tls = nullptr;       // smtpd_tls_received_header: say it; nullptr: don't
  bool asked_certificate = false;          // smtpd_tls_ask_ccert
  std::string sasl_username, sasl_sender;  // smtpd_sasl_authenticated_header; empty: don't
  std::optional<std::string> recipient;    // internal form, if there is exactly one
  int64_t seconds = 0;
};

// A logical header: lines joined with '\n', none at the end.
std::string received_header(const ReceivedParts& parts);

}  // namespace dovetail::mta::smtpd
