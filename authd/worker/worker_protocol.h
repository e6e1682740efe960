// What auth and auth -w say to each other on the socket auth-worker. Both ends are the same build; the greeting says so.
//   worker: "VERSION<TAB>dovetail-auth-worker<TAB>1"
//   auth:   "COMMAND<TAB>driver<TAB>args<TAB>user" + fields (service, rip, lip, session ...; password= last) + LF
//   worker: "RESULT" + fields + LF                                       RESULT: ok mismatch unknown disabled expired fail
//           LIST: "USER<TAB>name" per user, then "ok" or "fail"
// COMMAND: VERIFY (pam), PASS (shadow, passwd), USER and LIST (passwd). One question at a time per connection.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "authd/request.h"

namespace dovetail::authd {

inline constexpr std::string_view kWorkerGreeting = "VERSION\tdovetail-auth-worker\t1";
inline constexpr unsigned kWorkerSeconds =
    60;  // after these the worker dies, whatever it waits for

struct WorkerQuestion {
  std::string command, driver, args;
  Request request;
};
std::string worker_question_line(std::string_view command, std::string_view driver,
                                 std::string_view args, const Request& request);
std::optional<WorkerQuestion> parse_worker_question(std::string_view line);

struct WorkerAnswer {
  std::string result;  // "" if the worker is gone or cannot be had
  proto::AuthFields fields;
  std::vector<std::string> users;
};

}  // namespace dovetail::authd
