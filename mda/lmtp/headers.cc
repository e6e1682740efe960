// SPDX-License-Identifier: Apache-2.0
#include "mda/lmtp/headers.h"

#include "common/base/clock.h"
#include "common/base/text.h"

namespace dovetail::mda::lmtp {

std::string delivery_headers(const HeaderFacts& facts) {
  auto out = format("Return-Path: <{}>\r\n", facts.sender);
  if (facts.delivered_to && !facts.rcpt.empty()) out += format("Delivered-To: {}\r\n", facts.rcpt);
  if (!facts.received) return out;
  out += format("Received: from {}", facts.helo.empty() ? "unknown" : facts.helo);
  if (!facts.remote_ip.empty()) {
    bool six = facts.remote_ip.find(':') != std::string::npos;
    out += format(" ([{}{}])", six ? "IPv6:" : "", facts.remote_ip);
  }
  if (!facts.tls.empty()) out += format("\r\n\t(using {})", facts.tls);
  out += format("\r\n\tby {} with LMTP{}\r\n\tid {}\r\n\t(envelope-from <{}>)", facts.hostname,
                facts.tls.empty() ? "" : "S", facts.session, facts.sender);
  if (!facts.rcpt.empty()) out += format("\r\n\tfor <{}>", facts.rcpt);
  out += base::format_time("; %a, %d %b %Y %H:%M:%S %z\r\n", facts.time);
  return out;
}

}  // namespace dovetail::mda::lmtp
