// postmulti: the incumbent's manager of several instances, here of the only one there is: lists it, runs commands for it, and
// edits its multi_instance_* parameters. More instances are run with postfix -c; where main.cf names some, we refuse to go on
// rather than do half of them. Manual: postmulti(1).
// SPDX-License-Identifier: Apache-2.0
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "common/base/text.h"
#include "conf/units.h"
#include "mta/tools/common/tool.h"

namespace dovetail::mta {
namespace {

constexpr const char* kUsage =
    "Usage:postmulti -l [-v] [-a] [-g group] [-i instance] | "
    "postmulti -p [-v] [-a] [-g group] [-i instance] command... | "
    "postmulti -x [-v] [-a] [-i name] [-g group] command... | "
    "postmulti -e action [-v] [-a] [-i name] [-g group] [-I name] [-G group] [param=value ...]";
constexpr std::string_view kActions[] = {"create", "destroy", "import", "deport",
                                         "enable", "disable", "assign", "init"};

const Logger& postmulti_log() {
  static const Logger log("postmulti");
  return log;
}

[[noreturn]] void postmulti_fatal(const std::string& text) {
  tool_fatal(postmulti_log(), 1, text);
}

struct MultiOptions {
  std::string modes;  // of l p x e, as often as given
  std::string action;
  int selections = 0;
  const char* instance = nullptr;      // -i
  const char* group = nullptr;         // -g
  const char* new_instance = nullptr;  // -I
  const char* new_group = nullptr;     // -G
  std::vector<std::string> words;
};

std::string checked_action(const char* word) {
  for (auto action : kActions) {
    if (action == word) return word;
  }
  postmulti_fatal(
      format("Invalid '-e' edit action '{}'. Specify 'create', 'destroy', 'import', 'deport', "
             "'enable', 'disable', 'assign' or 'init'",
             word));
}

MultiOptions read_options(int argc, char** argv) {
  MultiOptions options;
  for (int c; (c = getopt(argc, argv, "+ae:g:i:G:I:lpRvx")) != -1;) {
    if (c == '?') postmulti_fatal(kUsage);
    if (c == 'a' || c == 'g' || c == 'i') ++options.selections;
    if (c == 'g') options.group = optarg;
    if (c == 'i') options.instance = optarg;
    if (c == 'G') options.new_group = optarg;
    if (c == 'I') options.new_instance = optarg;
    if (c == 'e') options.action = checked_action(optarg);
    if (strchr("lpxe", c)) options.modes += static_cast<char>(c);
  }
  options.words.assign(argv + optind, argv + argc);
  if (options.modes.size() != 1) postmulti_fatal("Specify exactly one of '-e', '-l', '-p', '-x'");
  if (options.selections > 1) postmulti_fatal("Specity no more than one of '-a', '-g', '-i'");
  bool names = options.new_instance || options.new_group;
  if (options.modes != "e" && names)
    postmulti_fatal("Cannot assign instance name or group without '-e assign'");
  bool named = options.new_instance && strcmp(options.new_instance, "-") != 0;
  if (named && strncmp(options.new_instance, "postfix-", 8) != 0)
    postmulti_fatal("New instance name must start with 'postfix-'");
  if (options.modes == "l" && !options.words.empty())
    postmulti_fatal("Command not allowed with '-l'");
  if ((options.modes == "p" || options.modes == "x") && options.words.empty())
    postmulti_fatal("Command required with '-p' or '-x' option");
  return options;
}

bool is_selected(const conf::MainCf& cf, const MultiOptions& options) {
  if (options.instance) {
    std::string_view wanted = options.instance;
    return wanted == "-" || wanted == cf.get("multi_instance_name");
  }
  return !options.group || cf.get("multi_instance_group") == options.group;
}

void list(const conf::MainCf& cf) {
  auto name = cf.get("multi_instance_name"), group = cf.get("multi_instance_group");
  // Whatever multi_instance_enable says, the first instance is never left out.
  printf("%-15s %-15s %-9s %s\n", name.empty() ? "-" : name.c_str(),
         group.empty() ? "-" : group.c_str(), "y", cf.config_directory().c_str());
}

void set_environment(const conf::MainCf& cf) {
  setenv("MAIL_CONFIG", cf.config_directory().c_str(), 1);
  for (const char* name :
       {"command_directory", "daemon_directory", "config_directory", "queue_directory",
        "data_directory", "multi_instance_name", "multi_instance_group"}) {
    setenv(name, cf.get(name).c_str(), 1);
  }
  setenv("multi_instance_enable", "yes", 1);
}

// Our own commands stand beside this one, wherever the tree is.
std::string command_beside(const conf::MainCf& cf, const char* name) {
  std::error_code ignored;
  auto own = std::filesystem::read_symlink("/proc/self/exe", ignored);
  auto beside = own.parent_path() / name;
  return access(beside.c_str(), X_OK) == 0 ? beside.string()
                                           : cf.get("command_directory") + '/' + name;
}

// 1 for every failure of the command, as with several instances.
int run_words(std::vector<std::string> words) {
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  fflush(stdout);
  pid_t child = fork();
  if (child < 0) postmulti_fatal(format("fork: {}", strerror(errno)));
  if (child == 0) {
    execvp(arguments[0], arguments.data());
    postmulti_fatal(format("execvp {}: {}", arguments[0], strerror(errno)));
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return 1;
  }
  return status == 0 ? 0 : 1;
}

int edit_parameters(const conf::MainCf& cf, const std::vector<std::string>& settings) {
  if (settings.empty()) return 0;
  std::vector<std::string> words{command_beside(cf, "postconf"), "-c", cf.config_directory(), "-e"};
  words.insert(words.end(), settings.begin(), settings.end());
  return run_words(words);
}

// What concerns other instances ends here, after the incumbent's own objections.
[[noreturn]] void refuse_other_instance(const MultiOptions& options) {
  bool has_directory = false;
  for (auto& word : options.words) {
    auto pair = conf::split_name_value(word);
    if (!pair) postmulti_fatal(format("Malformed parameter setting '{}'", word));
    has_directory = has_directory || pair->name == "config_directory";
  }
  bool named = options.new_instance && strcmp(options.new_instance, "-") != 0;
  if (!has_directory && !(named && options.action == "create"))
    postmulti_fatal("Missing config_directory parameter value");
  postmulti_fatal(
      format("-e {}: only the instance of the default configuration directory is managed; use "
             "postfix -c DIRECTORY for others",
             options.action));
}

int edit(const conf::MainCf& cf, const MultiOptions& options) {
  auto& action = options.action;
  if (action == "create" || action == "import") refuse_other_instance(options);
  if (!options.words.empty())
    postmulti_fatal(format("Parameter overrides not valid with '-e {}'", action));
  if (action == "init") {
    return edit_parameters(cf, {"multi_instance_wrapper=${command_directory}/postmulti -p --",
                                "multi_instance_enable=yes"});
  }
  if (!options.instance) postmulti_fatal("Select an instance via '-i name'");
  if (!is_selected(cf, options)) postmulti_fatal(format("No instance named {}", options.instance));
  if (action == "destroy" || action == "deport")
    postmulti_fatal("Cannot remove the primary instance");
  if (action == "assign" && !options.new_instance && !options.new_group)
    postmulti_fatal("Specify new instance name or group with '-e assign'");
  Logger script(cf.get("syslog_name") + "/postmulti-script");
  constexpr const char* kFirst = "run 'postmulti -e init' first.";
  if (cf.get("multi_instance_wrapper").empty())
    tool_fatal(script, 1, format("multi_instance_wrapper is empty, {}", kFirst));
  if (!base::iequals(cf.get("multi_instance_enable"), "yes"))
    tool_fatal(script, 1, format("multi_instance_enable!=yes, {}", kFirst));
  if (action != "assign")
    return edit_parameters(cf,
                           {format("multi_instance_enable={}", action == "enable" ? "yes" : "no")});
  std::vector<std::string> settings;
  auto change = [&](std::string_view name, const char* given) {
    std::string value = given && strcmp(given, "-") != 0 ? given : "";
    if (given && cf.get(name) != value) settings.push_back(format("{}={}", name, value));
  };
  change("multi_instance_name", options.new_instance);
  change("multi_instance_group", options.new_group);
  return edit_parameters(cf, settings);
}

int run_postmulti(int argc, char** argv) {
  bool terminal = isatty(STDERR_FILENO);
  base::LogTarget target;
  target.to_syslog = true;
  target.to_stderr = terminal;
  target.tag_prefix = "postfix/";
  base::open_log(target);
  const char* given = getenv("MAIL_CONFIG");
  unsetenv("MAIL_CONFIG");
  if (given && conf::config_directory() != given)
    postmulti_fatal(format("Non-default configuration directory: MAIL_CONFIG={}", given));
  auto options = read_options(argc, argv);
  conf::MainCf cf = load_tool_configuration(postmulti_log(), {}, 1);
  target = base::log_target();
  target.to_stderr = terminal;
  target.tag_prefix.clear();
  base::open_log(target);
  if (!cf.get("multi_instance_directories").empty()) {
    postmulti_fatal(
        format("multi_instance_directories: only the instance {} is managed; use postfix -c "
               "DIRECTORY for others",
               cf.config_directory()));
  }
  if (options.modes == "e") return edit(cf, options);
  if (!is_selected(cf, options)) {
    if (options.modes == "l") return 0;
    postmulti_fatal("No matching instances");
  }
  if (options.modes == "l") {
    list(cf);
    return 0;
  }
  set_environment(cf);
  if (options.modes == "p") {
    options.words.insert(options.words.begin(), command_beside(cf, "postfix"));
  }
  return run_words(options.words);
}

}  // namespace
}  // namespace dovetail::mta

int main(int argc, char** argv) {
  return dovetail::mta::run_postmulti(argc, argv);
}
