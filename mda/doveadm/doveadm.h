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
  kNoUser = 67,
  kNotFound = 68,
  kTempFail = 75,
  kNoPermission = 77,
  kConfigError = 78
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

int cmd_reload(const Options& options, const Command& command, Words arguments);
int cmd_stop(const Options& options, const Command& command, Words arguments);
int cmd_who(const Options& options, const Command& command, Words arguments);
int cmd_kick(const Options& options, const Command& command, Words arguments);
int cmd_mailbox_list(const Options& options, const Command& command, Words arguments);
int cmd_fetch(const Options& options, const Command& command, Words arguments);
int cmd_search(const Options& options, const Command& command, Words arguments);

// "Fatal: TEXT" on standard error; gives the status back.
int fatal(std::string_view text, int status);
int usage_error(const Command& command);
// The configuration for protocol doveadm; an error has been printed.
std::shared_ptr<const conf::dovecot::View> load_view(const Options& options,
                                                     conf::dovecot::Tree& tree);

}  // namespace dovetail::mda::doveadm
