// doveconf: shows what dovecot.conf says, and where it is wrong. The manual is doveconf.1.
// SPDX-License-Identifier: Apache-2.0
#include <getopt.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "common/base/text.h"
#include "conf/dovecot/checks.h"
#include "conf/dovecot/filters.h"
#include "conf/dovecot/parser.h"
#include "conf/dovecot/schema.h"
#include "config.h"
#include "mda/doveconf/dump.h"
#include "mda/doveconf/os_line.h"

namespace dovetail::mda::doveconf {

namespace {

namespace cd = conf::dovecot;

constexpr int kFailed = 89;

struct Options {
  std::string path = "/etc/dovecot/dovecot.conf";
  DumpWhat what;
  bool scope_given = false;
  bool note = true;  // -a and no option at all: the advice to send -n
  bool defaults_only = false;
  bool run = false;
  bool check_host = false;
  cd::Selector who;
  std::vector<std::string> words;
};

void say(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

void complain(std::string_view level, std::string_view text) {
  std::fflush(stdout);
  auto line = format("doveconf: {}: {}\n", level, text);
  std::fwrite(line.data(), 1, line.size(), stderr);
}

int fatal(std::string_view text) {
  complain("Fatal", text);
  return kFailed;
}

Result<void> read_filter(const char* text, cd::Selector& who) {
  auto [key, value] = base::cut(text, '=');
  if (value && (key == "protocol" || key == "service")) {
    who.protocol = *value;
  } else if (value && (key == "local" || key == "remote")) {
    cd::Filter::Net net;
    std::string printed;
    if (auto parsed = cd::parse_filter_net(*value, net, printed); !parsed)
      return config_error(format("{} filter: {}", key, parsed.error().text));
    (key == "local" ? who.local_ip : who.remote_ip) = printed;
  } else if (value && key == "lname") {
    who.local_name = *value;
  } else {
    return config_error(format("Unknown filter argument: {}", text));
  }
  return {};
}

// -m: TLS settings are a module of their own, workers use their parents' - so the incumbent counts.
std::uint32_t module_readers(std::string_view module) {
  bool worker = module == "auth-worker" || module == "indexer-worker";
  auto readers = worker ? 0 : cd::readers_of(module) & ~std::uint32_t{cd::kTls};
  return readers != 0 ? readers : cd::kAll;
}

Result<void> take_option(int option, const char* argument, Options& options) {
  auto scope = [&](Scope chosen) {
    options.what.scope = chosen;
    options.scope_given = true;
    options.note = chosen == Scope::all;
  };
  switch (option) {
    case 'a':
      scope(Scope::all);
      break;
    case 's':
      scope(Scope::hidden);
      break;
    case 'n':
      scope(Scope::changed);
      break;
    case 'N':
      scope(Scope::written);
      break;
    case 'c':
      options.path = argument;
      break;
    case 'd':
      options.defaults_only = true;
      break;
    case 'e':
      options.run = options.what.expand = true;
      break;
    case 'f':
      return read_filter(argument, options.who);
    case 'h':
      options.what.values_only = true;
      break;
    case 'H':
      options.check_host = true;
      break;
    case 'm': {
      options.what.readers = module_readers(argument);
      break;
    }
    case 'p':
      break;  // the whole file is always read
    case 'P':
      options.what.passwords = true;
      break;
    case 'S':
      options.what.flat = true;
      break;
    case 'x':
      options.what.expand = true;
      break;
    default:
      break;
  }
  return {};
}

std::string host_name() {
  std::string name(256, '\0');
  if (gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  return name.c_str();
}

// -H: the incumbent compares hashes of neighbouring host names; only its refusal is of use to us.
int check_host() {
  auto host = host_name();
  bool digits = host.find_first_of("0123456789") != std::string::npos;
  if (!digits) return fatal(format("Hostname '{}' has no digits, can't verify", host));
  return fatal("-H is not supported");
}

// Runs a command with the written settings in its environment, in upper case.
int run_command(const Options& options, const cd::View& view) {
  for (auto& row : cd::settings_of("")) {
    bool plain = row.type != cd::Type::named_list && row.type != cd::Type::unnamed_list &&
                 row.type != cd::Type::map;
    if (!plain || (row.readers & options.what.readers) == 0 || !view.is_set(row.name)) continue;
    setenv(base::upper(row.name).c_str(), view.get(row.name).c_str(), 1);
  }
  setenv("DOVECONF_ENV", "1", 1);
  std::vector<std::string> words = options.words;
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  return fatal(format("execvp({}) failed: {}", words[0], std::strerror(errno)));
}

// What the whole configuration is wrong about comes after the dump, as the reader has then seen it.
int finish(const Options& options, const cd::Tree& tree, const std::string& unclosed) {
  auto prefix = format("Error in configuration file {}: ", options.path);
  if (!unclosed.empty()) return fatal(prefix + unclosed);
  auto verdict = cd::check_tree(tree);
  for (auto& warning : verdict.warnings) complain("Warning", warning);
  for (auto& error : verdict.errors) complain("Error", error);
  if (!verdict.fatal.empty()) return fatal(prefix + verdict.fatal);
  return 0;
}

// Whoever looks at the usual file while dovecot runs with another one should know.
void warn_of_other_file(const std::string& path) {
  constexpr const char* kUsual = "/etc/dovecot/dovecot.conf";
  std::string running(4096, '\0');
  auto length = readlink("/run/dovecot/dovecot.conf", running.data(), running.size());
  if (path != kUsual || length <= 0 || static_cast<std::size_t>(length) == running.size()) return;
  running.resize(static_cast<std::size_t>(length));
  if (running == path) return;
  complain("Warning",
           format("Dovecot was last started using {}, but this config is {}", running, path));
}

int show(const Options& options) {
  bool named = !options.words.empty() && !options.run;
  bool headed = !named && !options.what.flat && !options.run;
  if (headed) say(format("# 2.3.19.1 (dovetail {}): {}\n", DOVETAIL_VERSION, options.path));
  if (headed && !options.what.expand) warn_of_other_file(options.path);
  cd::Tree tree;
  cd::Parser parser(tree);
  if (!options.defaults_only) {
    auto parsed = parser.parse_file(options.path);
    for (auto& warning : tree.warnings()) complain("Warning", warning);
    for (auto& error : tree.soft_errors()) complain("Error", error);
    if (!parsed) return fatal(parsed.error().text);
  }
  if (options.what.expand && options.what.readers == ~std::uint32_t{0}) {
    if (auto readable = cd::check_expansion(tree); !readable) return fatal(readable.error().text);
  }
  auto view = options.what.expand ? tree.view(options.who) : tree.raw_view(options.who);
  if (!view) {
    if (view.error().text.compare(0, 9, "Conflict ") != 0) return fatal(view.error().text);
    complain("Error", view.error().text);
    return fatal("Errors in configuration");
  }
  if (options.run) return run_command(options, **view);
  if (headed) {
    if (cd::pigeonhole_installed()) say("# Pigeonhole version 0.5.19 (dovetail)\n");
    say(os_line((*view)->get("mail_location")));
    say(format("# Hostname: {}\n", host_name()));
    if (options.note) say("# NOTE: Send doveconf -n output instead when asking for help.\n");
  }
  say(named ? dump_names(**view, options.what, options.words)
            : dump_all(tree, **view, options.what));
  std::fflush(stdout);
  // Who asks for single settings is not told what else is wrong, unless it is all about lines of them.
  if (named && !options.what.flat && parser.unclosed().empty()) return 0;
  return finish(options, tree, parser.unclosed());
}

int run(int argc, char** argv) {
  Options options;
  // Messages bear this name however the program was called, as the incumbent's do.
  std::string name = "doveconf";
  argv[0] = name.data();
  for (int option; (option = getopt(argc, argv, "ac:def:hHm:nNpPsSx")) != -1;) {
    if (option == '?') return kFailed;
    if (auto taken = take_option(option, optarg, options); !taken) return fatal(taken.error().text);
    if (options.run) break;  // what follows is the command's
  }
  options.words.assign(argv + optind, argv + argc);
  if (options.check_host) return check_host();
  if (options.run && options.words.empty()) return fatal("Missing command for -e");
  return show(options);
}

}  // namespace

}  // namespace dovetail::mda::doveconf

int main(int argc, char** argv) {
  return dovetail::mda::doveconf::run(argc, argv);
}
