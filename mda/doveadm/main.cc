// doveadm: the administrator's command for the dovecot side. Global options: -c FILE, -o SETTING=VALUE, -D, -v, -f FORMAT.
// Manual: doveadm(1).
// SPDX-License-Identifier: Apache-2.0
#include <getopt.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "common/base/log.h"
#include "common/base/result.h"
#include "common/base/text.h"
#include "config.h"
#include "mda/doveadm/doveadm.h"

namespace dovetail::mda::doveadm {

int fatal(std::string_view text, int status) {
  fmt::print(stderr, "Fatal: {}\n", text);
  return status;
}

int usage_error(const Command& command) {
  fmt::print(stderr, "doveadm {} {}\n", command.name, command.usage);
  return kUsageError;
}

std::shared_ptr<const conf::dovecot::View> load_view(const Options& options,
                                                     conf::dovecot::Tree& tree) {
  auto loaded = conf::dovecot::load(options.config_path, options.overrides);
  if (!loaded) {
    fatal(loaded.error().text, kConfigError);
    return nullptr;
  }
  tree = std::move(*loaded);
  auto view = tree.view(conf::dovecot::Selector{.protocol = "doveadm"});
  if (view) return *view;
  fatal(view.error().text, kConfigError);
  return nullptr;
}

namespace {

// clang-format off
constexpr Command kCommands[] = {
    {"config",              "[doveconf parameters]",
     cmd_config},
    {"copy",                "[-u <user>|-A] [-S <socket_path>] <destination> [user <source user>] <search query>",
     cmd_copy},
    {"exec",                "<binary> [binary parameters]",
     cmd_exec},
    {"expunge",             "[-u <user>|-A] [-S <socket_path>] [-m] <search query>",
     cmd_expunge},
    {"fetch",               "[-u <user>|-A] [-S <socket_path>] <fields> <search query>",
     cmd_fetch},
    {"flags add",           "[-u <user>|-A] [-S <socket_path>] <flags> <search query>",
     cmd_flags_add},
    {"flags remove",        "[-u <user>|-A] [-S <socket_path>] <flags> <search query>",
     cmd_flags_remove},
    {"flags replace",       "[-u <user>|-A] [-S <socket_path>] <flags> <search query>",
     cmd_flags_replace},
    {"force-resync",        "[-u <user>|-A] [-S <socket_path>] [-f] <mailbox mask>",
     cmd_force_resync},
    {"index",               "[-u <user>|-A] [-S <socket_path>] [-q] [-n <max recent>] <mailbox mask>",
     cmd_index},
    {"kick",                "[-a <anvil socket path>] <user mask>[|]<ip/bits>",
     cmd_kick},
    {"log find",            "[<dir>]",
     cmd_log_find},
    {"mailbox create",      "[-u <user>|-A] [-S <socket_path>] [-s] [-g <guid>] <mailbox> [...]",
     cmd_mailbox_create},
    {"mailbox delete",      "[-u <user>|-A] [-S <socket_path>] [-e] [-r] [-s] [-Z] <mailbox> [...]",
     cmd_mailbox_delete},
    {"mailbox handback",    "[-u <user>|-A] [<mailbox mask> [...]]",
     cmd_mailbox_handback},
    {"mailbox list",        "[-u <user>|-A] [-S <socket_path>] [-7|-8] [-s] [<mailbox mask> [...]]",
     cmd_mailbox_list},
    {"mailbox path",        "[-u <user>|-A] [-S <socket_path>] [-t <type>] <mailbox>",
     cmd_mailbox_path},
    {"mailbox rename",      "[-u <user>|-A] [-S <socket_path>] [-s] <old name> <new name>",
     cmd_mailbox_rename},
    {"mailbox status",      "[-u <user>|-A] [-S <socket_path>] <fields> <mailbox> [...]",
     cmd_mailbox_status},
    {"mailbox subscribe",   "[-u <user>|-A] [-S <socket_path>] <mailbox> [...]",
     cmd_mailbox_subscribe},
    {"mailbox unsubscribe", "[-u <user>|-A] [-S <socket_path>] <mailbox> [...]",
     cmd_mailbox_unsubscribe},
    {"move",                "[-u <user>|-A] [-S <socket_path>] <destination> [user <source user>] <search query>",
     cmd_move},
    {"purge",               "[-u <user>|-A] [-S <socket_path>] ",
     cmd_purge},
    {"reload",              "",
     cmd_reload},
    {"save",                "[-u <user>|-A] [-S <socket_path>] [-m mailbox]",
     cmd_save},
    {"search",              "[-u <user>|-A] [-S <socket_path>] <search query>",
     cmd_search},
    {"stop",                "",
     cmd_stop},
    {"who",                 "[-a <anvil socket path>] [-1] [<user mask>] [<ip/bits>]",
     cmd_who},
};
// Done by doveadm-auth in the libexec directory.
constexpr std::string_view kHelperCommands[][2] = {
    {"auth", "cache|login|lookup|test"},
    {"pw",   "[-l] [-p plaintext] [-r rounds] [-s scheme] [-t hash] [-u user] [-V]"},
    {"user", "[-a <userdb socket path>] [-x <auth info>] [-f field] [-e <value>] [-u] <user mask> [<user mask> [...]]"},
};
// Of the incumbent; refused by name.
constexpr std::string_view kNotThere[] = {
    "acl", "altmove", "backup", "batch", "deduplicate", "dict", "director", "dsync-server", "dump", "fs", "fts", "import",
    "instance", "oldstats", "penalty", "process", "proxy", "quota", "rebuild", "replicator", "service", "sieve", "sis",
    "stats", "sync", "zlibconnect"};
// clang-format on

int general_usage() {
  std::vector<std::pair<std::string, std::string>> lines;
  for (auto& command : kCommands) lines.emplace_back(command.name, command.usage);
  for (auto& row : kHelperCommands) lines.emplace_back(row[0], row[1]);
  std::sort(lines.begin(), lines.end());
  fmt::print(stderr, "usage: doveadm [-Dv] [-f <formatter>] <command> [<args>]\n{:15}\n", "");
  for (auto& [name, usage] : lines) fmt::print(stderr, "  {:<12} {}\n", name, usage);
  return kUsageError;
}

int group_usage(std::string_view group) {
  fmt::print(stderr, "usage: doveadm [-Dv] [-f <formatter>] {} <command> [<args>]\n", group);
  for (auto& command : kCommands) {
    auto [first, second] = base::cut(command.name, ' ');
    if (second && first == group) fmt::print(stderr, "  {:<12} {}\n", *second, command.usage);
  }
  return kUsageError;
}

int run_helper(const Options& options, const Words& words) {
  auto path = std::string(DOVETAIL_DOVECOT_LIBEXECDIR) + "/doveadm-auth";
  // In a build or a try-out the helper lies beside us or where libexec_dir says.
  if (::access(path.c_str(), X_OK) != 0) {
    auto loaded = conf::dovecot::load(options.config_path, options.overrides);
    auto view = loaded ? loaded->view({})
                       : Result<std::shared_ptr<const conf::dovecot::View>>(config_error(""));
    if (view) path = (*view)->get("libexec_dir") + "/doveadm-auth";
  }
  Words all{"doveadm"};
  all.insert(all.end(), options.again.begin(), options.again.end());
  all.insert(all.end(), words.begin(), words.end());
  std::vector<char*> argv;
  for (auto& word : all) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::execv(path.c_str(), argv.data());
  return fatal(format("execv({}) failed: {}", path, strerror(errno)), kTempFail);
}

int dispatch(const Options& options, Words words) {
  if (words.empty() || words[0] == "help") return general_usage();
  for (auto& row : kHelperCommands) {
    if (words[0] == row[0]) return run_helper(options, words);
  }
  bool group = false;
  for (auto& command : kCommands) {
    auto [first, second] = base::cut(command.name, ' ');
    if (words[0] != first) continue;
    size_t taken = second ? 2 : 1;
    group |= second.has_value();
    if (second && (words.size() < 2 || words[1] != *second)) continue;
    words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(taken));
    if (::access(options.config_path.c_str(), F_OK) != 0) {
      return fatal(format("Error reading configuration: stat({}) failed: {}", options.config_path,
                          strerror(errno)),
                   kTempFail);
    }
    return command.run(options, command, std::move(words));
  }
  if (group) return group_usage(words[0]);
  for (auto name : kNotThere) {
    if (words[0] == name)
      return fatal(format("doveadm {} is not supported yet", name), kUsageError);
  }
  return general_usage();
}

int doveadm_main(int argc, char** argv) {
  Options options;
  for (int c; (c = getopt(argc, argv, "+c:Df:hi:o:v")) != -1;) {
    switch (c) {
      case 'c':
        options.config_path = optarg;
        options.again.insert(options.again.end(), {"-c", optarg});
        break;
      case 'o': {
        auto [key, value] = base::cut(optarg, '=');
        if (!value)
          return fatal(format("Invalid -o parameter {}: Missing '='", optarg), kUsageError);
        options.overrides.push_back({std::string(key), std::string(*value)});
        options.again.insert(options.again.end(), {"-o", optarg});
        break;
      }
      case 'D':
        options.debug = options.verbose = true;
        break;
      case 'v':
        options.verbose = true;
        break;
      case 'f':
        options.formatter = optarg;
        break;
      case 'i':
        return fatal("-i (instance name) is not supported yet; use -c", kUsageError);
      default:
        return kBadOption;  // getopt(3) has said it
    }
  }
  return dispatch(options, Words(argv + optind, argv + argc));
}

}  // namespace
}  // namespace dovetail::mda::doveadm

int main(int argc, char** argv) {
  dovetail::base::LogTarget target;
  target.style = dovetail::base::LogStyle::dovecot;
  dovetail::base::open_log(target);
  return dovetail::mda::doveadm::doveadm_main(argc, argv);
}
