// The commands of doveadm that this program does itself; pw, auth and user are doveadm-auth's.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "conf/dovecot/settings.h"

namespace dovetail::mda::doveadm {

using Words = std::vector<std::string>;

// sysexits.h, as the incumbent uses it.
enum Exit : int {
  kOk = 0,
  kUsageError = 64,
  kDataError = 65,
  kNoUser = 67,
  kNotFound = 68,
  kTempFail = 75,
  kNoPermission = 77,
  kConfigError = 78,
  kBadOption = 89
};

struct Options {
  std::string config_path = "/etc/dovecot/dovecot.conf";
  std::vector<conf::dovecot::Override> overrides;
  std::string formatter;  // -f; empty: the command's own
  bool debug = false, verbose = false;
  Words again;  // -c and -o as they were given, for doveadm-auth
};

struct Command {
  std::string_view name;  // "mailbox list"
  std::string_view usage;
  int (*run)(const Options& options, const Command& command, Words arguments);
};

using Run = int(const Options& options, const Command& command, Words arguments);
// server.cc
Run cmd_reload, cmd_stop, cmd_who, cmd_kick;
// fetch.cc
Run cmd_fetch, cmd_search;
// mailbox_commands.cc, mailbox_status.cc
Run cmd_mailbox_list, cmd_mailbox_create, cmd_mailbox_delete, cmd_mailbox_rename,
    cmd_mailbox_subscribe, cmd_mailbox_unsubscribe, cmd_mailbox_path, cmd_mailbox_handback,
    cmd_mailbox_status;
// message_commands.cc
Run cmd_flags_add, cmd_flags_remove, cmd_flags_replace, cmd_expunge, cmd_copy, cmd_move, cmd_save,
    cmd_index, cmd_force_resync, cmd_purge;
// host_commands.cc
Run cmd_config, cmd_exec, cmd_log_find;

// "Fatal: TEXT" on standard error; gives the status back.
int fatal(std::string_view text, int status);
int usage_error(const Command& command);
// The configuration for protocol doveadm; an error has been printed.
std::shared_ptr<const conf::dovecot::View> load_view(const Options& options,
                                                     conf::dovecot::Tree& tree);

}  // namespace dovetail::mda::doveadm
