// The command line of postconf(1).
// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>

#include "common/base/text.h"
#include "conf/units.h"
#include "mta/tools/postconf/postconf.h"

namespace dovetail::mta::postconf {
namespace {

constexpr std::string_view kUsage =
    "usage: {} [-a (server SASL types)] [-A (client SASL types)] [-b (bounce templates)] [-c "
    "config_dir] "
    "[-c param_class] [-d (parameter defaults)] [-e (edit configuration)] [-f (fold lines)] "
    "[-F (master.cf fields)] [-h (no names)] [-H (no values)] [-l (lock types)] [-m (map types)] "
    "[-M (master.cf)] [-n (non-default parameters)] [-o name=value (override parameter value)] "
    "[-p (main.cf, default)] [-P (master.cf parameters)] [-t (bounce templates)] "
    "[-T compile-version|run-version|public-key-algorithms] [-v (verbose)] [-x (expand parameter "
    "values)] "
    "[-X (exclude)] [-# (comment-out)] [name...]";

// At most one flag of each set.
constexpr std::string_view kExclusive[] = {"abAlmMFPptTd",  // hidden between: -d is main.cf's
                                           "dn",           "do",   "eX#d", "eX#f", "eX#h",
                                           "eX#H",         "eX#n", "eX#o", "eX#x", "hH"};

// What may go with a mode; other modifiers are refused by name.
struct Compatible {
  char mode;
  std::string_view modifiers;
};
constexpr Compatible kCompatible[] = {
    {'M', "efox#XvC"}, {'F', "efhHoxvC"}, {'P', "efhHoxXvC"}, {'a', "v"}, {'A', "v"},
    {'l', "v"},        {'m', "v"},        {'T', "v"},         {'t', "v"}, {'b', "v"},
};
constexpr std::string_view kModifiers = "defhHnoxX#";

// a A b ... z Z #
int flag_order(char flag) {
  return base::is_alpha(flag) ? base::to_lower(flag) * 2 + (base::to_lower(flag) != flag) : 1000;
}

void refuse_conflicts(const Options& o) {
  for (std::string_view set : kExclusive) {
    std::string given;
    for (char flag : o.flags) {
      bool counts = set.find(flag) != std::string_view::npos && !(set.size() > 5 && flag == 'd');
      if (counts) given += flag;
    }
    if (given.size() < 2) continue;
    std::sort(given.begin(), given.end(),
              [](char a, char b) { return flag_order(a) < flag_order(b); });
    std::string text = "specify one of";
    for (char flag : given) text += format(" -{}", flag);
    fatal(text);
  }
  for (const Compatible& row : kCompatible) {
    if (!o.has(row.mode)) continue;
    for (char flag : kModifiers) {
      if (!o.has(flag) || row.modifiers.find(flag) != std::string_view::npos) continue;
      fatal(format("with option -{}, do not specify -{}", row.mode, flag));
    }
  }
}

void parse_classes(Options& o, const char* text) {
  o.classes.clear();
  for (const std::string& word : conf::split_list(text)) {
    if (word == "builtin") {
      o.classes.insert(Class::builtin);
    } else if (word == "service") {
      o.classes.insert(Class::service);
    } else if (word == "user") {
      o.classes.insert(Class::user);
    } else if (word == "all") {
      o.classes = {Class::builtin, Class::service, Class::user};
    } else {
      fatal(format("unknown -C option value \"{}\" in \"{}\"", word, text));
    }
  }
}

void add_override(Options& o, const char* text) {
  auto pair = conf::split_name_value(text);
  if (!pair) {
    std::string reason = pair.error().text;
    fatal(
        format("invalid parameter override: {}: {}", text, reason.substr(0, reason.rfind(": \""))));
  }
  o.overrides.push_back({std::move(pair->name), std::move(pair->value)});
}

}  // namespace

Options parse_command_line(int argc, char** argv) {
  Options o;
  o.program = argv[0];
  int letter = 0;
  while ((letter = ::getopt(argc, argv, "+aAbc:C:def#FhHlmMno:pPtT:vxX")) > 0) {
    char flag = static_cast<char>(letter);
    if (flag == '?') fatal(fmt::vformat(kUsage, fmt::make_format_args(o.program)));
    if (flag == 'c') {
      o.config_directory = optarg;
      ::setenv("MAIL_CONFIG", optarg, 1);
      continue;
    }
    if (flag == 'C') parse_classes(o, optarg);
    if (flag == 'o') add_override(o, optarg);
    if (flag == 'T') o.tls_mode = optarg;
    if (!o.has(flag)) o.flags += flag;
  }
  o.arguments.assign(argv + optind, argv + argc);
  o.directory_given = !o.config_directory.empty() || ::getenv("MAIL_CONFIG") != nullptr;
  o.config_directory = conf::config_directory(o.config_directory);
  // postconf name=value means -e.
  bool edits = !o.arguments.empty() && o.arguments[0].find('=') != std::string::npos;
  bool shows = o.flags.find_first_of("abAlmtTX#") != std::string::npos;
  if (edits && !shows && !o.has('e')) o.flags += 'e';
  refuse_conflicts(o);
  return o;
}

}  // namespace dovetail::mta::postconf
