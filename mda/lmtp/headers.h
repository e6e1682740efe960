// What LMTP puts before a message: Return-Path, Delivered-To, Received (RFC 5321 4.4).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace dovetail::mda::lmtp {

struct HeaderFacts {
  std::string sender;  // without brackets; empty: <>
  std::string rcpt;    // the only recipient; empty: there are several
  bool delivered_to = true, received = true;
  std::string helo;
  std::string remote_ip;  // empty: a Unix socket
  std::string hostname, session;
  std::string tls;  // "TLSv1.3 with cipher ... (256/256 bits)"; empty: plain
  int64_t time = 0;
};

std::string delivery_headers(const HeaderFacts& facts);

}  // namespace dovetail::mda::lmtp
