// master.cf: one service per logical line. Fields are checked with the incumbent's words; what a
// program does with its own arguments is the program's. Manual: master(5).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "conf/postfix/main_cf.h"

namespace dovetail::conf {

struct MasterService {
  // '-' in the file; what it means depends on the column (private and unprivileged: yes) or on
  // main.cf (chroot: compatibility_level, process limit: default_process_limit).
  enum class Flag : char { unset = '-', yes = 'y', no = 'n' };

  std::string name;
  std::string type;  // inet, unix, fifo, pass, unix-dgram
  Flag is_private = Flag::unset;
  Flag unprivileged = Flag::unset;
  Flag chroot = Flag::unset;
  int wakeup = 0;               // seconds, 0: none
  bool wakeup_if_used = false;  // "60?"
  int process_limit = -1;       // -1: default_process_limit; 0: no limit
  std::string program;
  // All words behind the command, outer braces removed, "-o" and its text as two words.
  std::vector<std::string> arguments;
  // The -o ones, in order, unexpanded.
  std::vector<Override> overrides;
  // What stands behind the options: pipe's flags=.. user=.. argv=..
  std::vector<std::string> own_arguments;
  std::string fields[8];  // as written, for postconf -M and -F
  int line = 0;           // the first physical line

  bool private_endpoint() const { return is_private != Flag::no; }
  bool run_unprivileged() const { return unprivileged != Flag::no; }
  bool run_chrooted(const MainCf& cf) const;  // '-': y below compatibility_level 1
};

struct MasterCfOptions {
  // Receives "master.cf: syntax error after '}' in ..." and the like; empty: dropped.
  std::function<void(const std::string&)> warn;
  // Errors in the words of the parent, which name file and line, instead of postconf's, which show the entry.
  bool as_parent = false;
};

// One logical line.
Result<MasterService> parse_master_line(std::string_view line, const MasterCfOptions& options = {});

// An error is the incumbent's fatal text. Two services of one name and type are kept; the
// supervisor refuses them.
Result<std::vector<MasterService>> load_master_cf(const std::string& path,
                                                  const MasterCfOptions& options = {});
Result<std::vector<MasterService>> parse_master_cf(const std::string& name, std::string_view text,
                                                   const MasterCfOptions& options = {});

}  // namespace dovetail::conf
