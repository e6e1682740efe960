// The remote side of a session as logs, tables and the queue file name it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "common/base/text.h"

namespace dovetail::mta::smtpd {

// Why a name is "unknown": there is none (permanent), or the DNS did not say (temporary).
enum class NameStatus { ok, temporary, permanent };

struct Client {
  std::string name = "unknown";          // confirmed by a forward lookup
  std::string reverse_name = "unknown";  // what the address lookup said, unconfirmed
  NameStatus name_status = NameStatus::permanent;
  NameStatus reverse_status = NameStatus::permanent;
  std::string address = "127.0.0.1";  // without brackets or "IPv6:"
  std::string port;
  int family = 0;  // AF_INET, AF_INET6
  bool log_port = false;

  // "name[address]", with ":port" if smtpd_client_port_logging asks for it.
  std::string text() const {
    return log_port ? base::format("{}[{}]:{}", name, address, port)
                    : base::format("{}[{}]", name, address);
  }
};

}  // namespace dovetail::mta::smtpd
