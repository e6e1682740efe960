// The command line of postmap and postalias.
// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cstdlib>

#include "common/base/text.h"
#include "lookup/build/command.h"

namespace dovetail::lookup {

void command_fatal(const Logger& log, std::string_view text) {
  log.fatal("{}", text);
  // The incumbent's pause: whoever calls it in a loop must not fill the disk with its complaints.
  sleep(1);
  exit(1);
}

namespace {

void set_flag(CommandOptions& options, int flag) {
  // clang-format off
  switch (flag) {
    case 'N': options.key_end = KeyEnd::with_nul; break;
    case 'n': options.key_end = KeyEnd::without_nul; break;
    case 'b': options.body = true; break;
    case 'h': options.header = true; break;
    case 'm': options.mime = true; break;
    case 'f': options.fold = false; break;
    case 'F': options.files = true; break;
    case 'i': options.incremental = true; break;
    case 'o': options.keep_owner = true; break;
    case 'p': options.default_mode = true; break;
    case 'r': options.replace = true; break;
    case 's': options.dump = true; break;
    case 'u': options.utf8_off = true; break;
    case 'U': options.utf8_on = true; break;
    case 'v': ++options.verbose; break;
    case 'w': options.quiet_duplicates = true; break;
    default: break;
  }
  // clang-format on
}

}  // namespace

CommandOptions read_command_line(const CommandProgram& program, int argc, char** argv) {
  Logger log(program.name);
  CommandOptions options;
  std::string name = program.name;
  argv[0] = name.data();  // what getopt shows in its messages
  for (int flag; (flag = getopt(argc, argv, program.flags)) > 0;) {
    if (flag == '?') command_fatal(log, format("usage: {} {}", program.name, program.usage));
    if (flag == 'c') {
      options.config_directory = optarg;
      setenv("MAIL_CONFIG", optarg, 1);
    } else if (flag == 'q' || flag == 'd') {
      if (options.dump || options.query || options.remove)
        command_fatal(log, "specify only one of -s -q or -d");
      (flag == 'q' ? options.query : options.remove) = optarg;
    } else if (flag == 's' && (options.query || options.remove)) {
      command_fatal(log, "specify only one of -s -q or -d");
    } else {
      set_flag(options, flag);
    }
  }
  for (int at = optind; at < argc; ++at) options.tables.emplace_back(argv[at]);
  if (options.tables.empty())
    command_fatal(log, format("usage: {} {}", program.name, program.usage));
  return options;
}

}  // namespace dovetail::lookup
