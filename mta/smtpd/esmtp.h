// The words behind MAIL FROM:<> and RCPT TO:<>: SIZE, BODY, RET, ENVID, AUTH, SMTPUTF8, NOTIFY, ORCPT
// (RFC 1870, 3461, 4954, 6152, 6531). Only their syntax; what follows from them is the verbs' business.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/mail/envelope.h"
#include "common/mail/reply.h"

namespace dovetail::mta::smtpd {

struct EsmtpRules {
  bool dsn = true;       // false: smtpd_discard_ehlo_keywords has dsn
  bool smtputf8 = true;  // smtputf8_enable
};

struct MailOptions {
  mail::Encoding encoding = mail::Encoding::none;
  uint64_t size = 0;
  bool smtputf8 = false;
  int ret = 0;
  std::string envid;                // decoded
  std::optional<std::string> auth;  // decoded; "<>" stays so
};
struct RcptOptions {
  int notify = 0;
  std::string orcpt;  // "rfc822;user@example.org", decoded
};

// nullopt: all understood. Otherwise the reply that refuses the command.
std::optional<mail::Reply> parse_mail_options(std::string_view words, const EsmtpRules& rules,
                                              MailOptions& to);
std::optional<mail::Reply> parse_rcpt_options(std::string_view words, const EsmtpRules& rules,
                                              RcptOptions& to);

}  // namespace dovetail::mta::smtpd
