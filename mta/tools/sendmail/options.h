// The command line of sendmail, newaliases and mailq: what is obeyed, what old programs may say without effect, what is
// refused. Manual: sendmail(1).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/log.h"

namespace dovetail::mta {

enum class SendmailMode {
  submit,
  mailq,
  newaliases,
  daemon,
  stand_alone,
  flush,
  flush_site,
  flush_id,
  nothing
};

struct SendmailOptions {
  SendmailMode mode = SendmailMode::submit;
  std::string config_directory;         // -C
  std::optional<std::string> sender;    // -f, -r
  std::string full_name;                // -F
  std::string encoding;                 // -B: "7bit", "8bit"; empty: not said
  std::string envelope_id;              // -V
  std::optional<std::string> verp;      // -XV, with its delimiters
  std::string flush_argument;           // -qR, -qI
  int dsn_notify = 0, dsn_ret = 0;      // -N, -R
  int trace_flags = 0;                  // -bv, -v
  int verbose = 0;                      // how many -v
  bool extract_recipients = false;      // -t
  bool lone_dot_ends = true;            // not with -i, -oi
  std::vector<std::string> recipients;  // as typed
};

// Ends the program for what is refused.
SendmailOptions parse_sendmail_options(const Logger& log, int argc, char** argv);

}  // namespace dovetail::mta
