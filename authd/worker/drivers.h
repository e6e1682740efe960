// What a worker asks the system, blocking: PAM, getspnam(3), getpwnam(3). Plain functions, no loop.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "authd/settings.h"
#include "authd/worker/worker_protocol.h"
#include "common/base/log.h"

namespace dovetail::authd {

// A line of the driver's about this request; error: else Info, seen with auth_verbose only.
struct DriverLine {
  bool error = false;
  std::string text;
};

struct DriverAnswer {
  std::string result = "fail";
  proto::AuthFields fields;
  std::vector<std::string> users;
  std::vector<DriverLine> lines;
};

DriverAnswer ask_pam(const WorkerQuestion& question);
DriverAnswer ask_shadow(const WorkerQuestion& question);
DriverAnswer ask_passwd_password(const WorkerQuestion& question);
DriverAnswer ask_passwd_user(const WorkerQuestion& question);
DriverAnswer list_passwd(const AuthSettings& settings);

}  // namespace dovetail::authd
