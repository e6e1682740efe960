// postconf(1): shows and edits main.cf and master.cf. This header has what its parts share: the command line, how lines are
// printed, which parameters are known. Types, defaults and grammar are conf's; table types are lookup's.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "conf/postfix/main_cf.h"
#include "conf/postfix/master_cf.h"

namespace dovetail::mta::postconf {

enum class Class { builtin, service, user };

struct Options {
  std::string flags;  // mode and modifier letters given, each once, in the order given
  std::string config_directory;
  bool directory_given = false;  // by -c or the environment; only then it counts as set
  std::string program;           // as called, begins every message
  std::set<Class> classes{Class::builtin, Class::service, Class::user};
  std::vector<conf::Override> overrides;
  std::string tls_mode;  // argument of -T
  std::vector<std::string> arguments;
  bool has(char flag) const { return flags.find(flag) != std::string::npos; }
};

// Ends the program with the incumbent's line and exit code 1.
[[noreturn]] void fatal(std::string_view text);
// The same for an error of a parameter's value; a macro's reason has been printed before.
[[noreturn]] void fatal_value(const Error& error);
void warning(std::string_view text);
void set_program_name(std::string_view name);

// Reads the command line; refuses combinations that exclude each other.
Options parse_command_line(int argc, char** argv);

// Words with single blanks between, or folded before column 80 with -f.
std::string print_line(std::string_view text, bool fold);
void put_line(std::string_view text);

// One master.cf entry as postconf prints it.
std::string print_master_entry(const conf::MasterService& service, bool fold);
// Its command and arguments alone ("command" of -F), behind `column` other characters.
std::string print_command(const conf::MasterService& service, bool fold = false, size_t column = 0);

// The parameters that exist: built-in ones, those of master.cf's transports, those main.cf's author made up and uses.
class Known {
 public:
  Known(const conf::MainCf& cf, const std::vector<conf::MasterService>& services, bool scan);

  const std::map<std::string, Class, std::less<>>& names() const { return names_; }
  // Warns of names that nobody uses; after the output, as the incumbent.
  void warn_unused_in_main() const;
  void warn_unused_in_master() const;

 private:
  void warn_read_only() const;
  void add_services();
  void add_mentioned();
  void add_restriction_classes();
  void mention(std::string_view text, bool may_be_undefined);
  void mention_name(std::string_view name, bool may_be_undefined);
  void mention_in_service(const conf::MasterService& service);
  void add_tables_of(std::string_view name, const std::string& value);
  void add_table_parameters(const std::string& text);
  void add_table(std::string_view type, const std::string& source);

  const conf::MainCf& cf_;
  const std::vector<conf::MasterService>& services_;
  std::map<std::string, Class, std::less<>> names_;
  std::set<std::string, std::less<>> used_in_master_;  // -o names that the same service refers to
  std::set<std::string, std::less<>> warned_;
  std::set<std::string, std::less<>> tables_;
};

// The parts; each returns the exit code.
int show_main(const Options& options);
int show_master(const Options& options);
int edit_main(const Options& options);
int edit_master(const Options& options);
int show_lists(const Options& options);      // -a -A -l -m -T
int show_templates(const Options& options);  // -t -b

// Expands what is printed with -x; ends the program as the incumbent where a macro is malformed.
std::string expand_value(const conf::MainCf& cf, std::string_view text, bool defaults_only,
                         const std::vector<conf::Override>& local = {});

}  // namespace dovetail::mta::postconf
