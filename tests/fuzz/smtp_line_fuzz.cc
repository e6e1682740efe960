// Feeds any bytes to what reads an SMTP command: paths, their options, chunk sizes, host names, access keys, DNS list
// patterns. Nothing may crash, and what is accepted must survive being written out and read again.
// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "mta/smtpd/esmtp.h"
#include "mta/smtpd/log.h"
#include "mta/smtpd/names.h"
#include "mta/smtpd/restrictions/action.h"
#include "mta/smtpd/restrictions/dns_list_pattern.h"

using namespace dovetail;
using namespace dovetail::mta::smtpd;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  text = text.substr(0, text.find('\0'));  // where a session ends a command
  for (bool strict : {false, true}) {
    auto path = parse_smtp_path(text, strict, Empty::allowed);
    if (!path) continue;
    if (path->length > text.size()) abort();
    MailOptions mail_options;
    parse_mail_options(text.substr(path->length), {}, mail_options);
    RcptOptions rcpt_options;
    parse_rcpt_options(text.substr(path->length), {}, rcpt_options);
    auto again =
        parse_smtp_path("<" + mail::quote_address(path->address) + ">", false, Empty::allowed);
    if (again && again->address != path->address) abort();
  }
  is_hostname(text);
  is_hostname(text, true);
  is_address_literal(text);
  domain_keys(text, true);
  domain_keys(text, false);
  network_keys(text);
  sender_keys(text, "+", true);
  matches_dns_list_pattern(text, "127.0.0.2");
  escape_bytes(text);
  return 0;
}
