// The service blocks of dovecot.conf as the supervisor's services: which are enabled by `protocols`, where they listen,
// as whom they run, what they may see of the settings. Services whose work is done inside others have no process (design.md 2).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/service/supervisor.h"
#include "conf/dovecot/settings.h"

namespace dovetail::mda {

enum class ServiceKind {
  process,      // a program of its own
  mail,         // the broker and its workers: imap, pop3
  absorbed,     // done inside other processes
  unsupported,  // named at start if the administrator asks for it
};

struct KnownService {
  std::string_view name;
  ServiceKind kind;
  std::string_view program;                    // in the libexec directory
  std::vector<std::string_view> (*readers)();  // whose settings it may see (settings.tsv's read_by)
  bool private_keys, external_files;
};
const KnownService* find_known_service(std::string_view name);

struct ServiceTable {
  std::vector<service::ServiceSpec> specs;
  std::vector<std::string> warnings;  // one line each: what is configured and will not happen
};

// Errors have the parent's words ("service(imap) access(...) failed: ...", "User doesn't exist: ...").
Result<ServiceTable> service_table(const conf::dovecot::Tree& tree);

}  // namespace dovetail::mda
