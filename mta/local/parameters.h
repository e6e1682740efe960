// What local reads of main.cf. Manual: local(8).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "conf/postfix/main_cf.h"
#include "conf/units.h"

namespace dovetail::mta {

struct LocalParameters {
  std::string myhostname, myorigin, mail_name, recipient_delimiter, default_privs,
      cleanup_service_name, rewrite_service_name;
  std::string alias_maps, mailbox_transport_maps, mailbox_transport, fallback_transport_maps,
      fallback_transport, luser_relay;
  std::string mailbox_command, mailbox_command_maps, home_mailbox, mail_spool_directory,
      forward_path, local_command_shell;
  std::string command_expansion_filter, forward_expansion_filter, command_execution_directory,
      execution_directory_expansion_filter;
  std::vector<std::string> allow_mail_to_commands, allow_mail_to_files, prepend_delivered_header,
      propagate_unmatched_extensions;
  long mailbox_size_limit = 0, message_size_limit = 0;
  conf::Seconds command_time_limit{};
  bool expand_owner_alias = false, reset_owner_alias = false, require_home_directory = false,
       owner_request_special = true;
};
Result<LocalParameters> read_local_parameters(const conf::MainCf& cf);

// Whether a list such as allow_mail_to_commands has a word.
bool has_word(const std::vector<std::string>& list, std::string_view word);

}  // namespace dovetail::mta
