// The words of a pipe(8) service in master.cf: flags=, user=, argv= and the others, and the macros of its argv.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/mail/envelope.h"

namespace dovetail::mta {

struct PipeService {
  std::string user, group, directory, chroot, null_sender = "MAILER-DAEMON", eol = "\n";
  std::string flags;
  int64_t size_limit = 0;
  std::vector<std::string> argv;

  bool has(char flag) const { return flags.find(flag) != flags.npos; }
};
// The Error is for the administrator: an unknown word, a missing user or argv.
Result<PipeService> parse_pipe_service(const std::vector<std::string>& words);

// What one request fills the macros with.
struct PipeRequest {
  std::string queue_id, nexthop;
  int64_t size = 0;
  const mail::Envelope* envelope = nullptr;
  std::string recipient_delimiter;
};
// An address by the flags q h u, and folded as pipe does.
std::string pipe_address(const PipeService& service, std::string_view internal, bool recipient);
// The command's arguments; one with a recipient macro comes once per recipient. An Error: a macro that is not known.
Result<std::vector<std::string>> expand_pipe_arguments(
    const PipeService& service, const PipeRequest& request,
    const std::vector<mail::Recipient>& recipients);

}  // namespace dovetail::mta
