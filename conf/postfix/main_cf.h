// main.cf as one object: the file, the -o overrides above it, the defaults below it. Values are
// kept unexpanded and are expanded when asked, so the order in the file does not matter. Types and
// ranges are checked by conf/bind.h. Manual: postconf(5), "postfix configuration file format".
//
// Typical start of a program:
//   auto cf = conf::MainCf::load(conf::config_directory(option_c), overrides, {.process_name =
//   "smtpd"}); auto parameters = conf::read(*cf, smtpd_bindings); auto stressed =
//   conf::read(cf->stressed(), smtpd_bindings);
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace dovetail::conf {

// One -o name=value of a command line or of master.cf.
struct Override {
  std::string name;
  std::string value;
};
// "name=value" or "{ name = value }".
Result<Override> parse_override(std::string_view text);

struct LoadOptions {
  std::string process_name;  // $process_name; empty: the program's own name
  std::string service_name;  // $service_name of master.cf
  std::function<void(const std::string&)>
      warn;               // receives warnings at once; empty: they collect in warnings()
  bool chrooted = false;  // the service runs in the queue directory (master.cf): a fact for tables
  bool missing_is_empty = false;  // no main.cf: all defaults (postconf -d)
};

class MainCf {
 public:
  // Reads CONFIG_DIRECTORY/main.cf. Errors are the incumbent's fatal texts.
  static Result<MainCf> load(std::string config_directory, const std::vector<Override>& dash_o,
                             LoadOptions options = {});
  // The same from text, for tests and checks; what load() would read from CONFIG_DIRECTORY/main.cf.
  static Result<MainCf> parse(std::string config_directory, std::string_view text,
                              const std::vector<Override>& dash_o = {}, LoadOptions options = {});

  // The expanded value, the default if unset, empty if unknown. A malformed macro ends the program
  // with the incumbent's fatal line, as it does there; use value() where that must not happen.
  std::string get(std::string_view name) const;
  // The same; the error of a malformed macro is "dictionary mail_dict: macro processing error", and
  // the reason has been a warning. Raw parameters (mailbox_command) are not expanded.
  Result<std::string> value(std::string_view name) const;
  // The value with its macros unexpanded: set or default; nullopt for a name neither set nor known.
  std::optional<std::string> raw(std::string_view name) const;
  // The default alone, unexpanded: computed, the vendor's or the table's.
  Result<std::optional<std::string>> default_value(std::string_view name) const;
  bool is_set(std::string_view name) const;
  // Expands any text as a main.cf value (arguments of master.cf, table file names).
  Result<std::string> expand(std::string_view text) const;

  const std::string& config_directory() const { return config_directory_; }
  const std::string& file() const { return file_; }
  const std::string& process_name() const { return options_.process_name; }
  const std::string& service_name() const { return options_.service_name; }
  bool chrooted() const { return options_.chrooted; }
  // What main.cf and -o set, unexpanded, by name.
  const std::map<std::string, std::string, std::less<>>& entries() const { return entries_; }
  // Passes a warning on, or keeps it.
  void warn(std::string text) const;
  const std::vector<std::string>& warnings() const { return warnings_; }

  // The same configuration as a process under stress sees it (stress = yes), and with overrides on
  // top.
  MainCf stressed() const;
  MainCf with(const std::vector<Override>& overrides) const;
  void set(std::string name, std::string value) { entries_[std::move(name)] = std::move(value); }

 private:
  Result<void> read_text(std::string_view text);
  Result<std::string> expand_or_warn(std::string_view text) const;

  std::string config_directory_;
  std::string file_;
  LoadOptions options_;
  std::map<std::string, std::string, std::less<>> entries_;
  mutable std::vector<std::string> warnings_;
  mutable int computing_ = 0;  // defaults that are being computed, one for the sake of another
};

// -c DIR, else $MAIL_CONFIG, else the directory compiled in (/etc/postfix).
std::string config_directory(std::string_view dash_c = {});

// A logical line: continuation lines joined with their leading blanks kept, comments and empty
// lines gone.
struct LogicalLine {
  std::string text;
  int line = 0;  // of its first physical line
};
// Lines before the first that start with a blank are dropped with the warning
// "NAME: logical line must not start with whitespace: ...".
std::vector<LogicalLine> logical_lines(std::string_view name, std::string_view text,
                                       const std::function<void(const std::string&)>& warn = {});

}  // namespace dovetail::conf
