// postconf(1). See postconf.h.
// SPDX-License-Identifier: Apache-2.0
#include "mta/tools/postconf/postconf.h"

int main(int argc, char** argv) {
  using namespace dovetail::mta::postconf;
  set_program_name(argv[0]);
  Options options = parse_command_line(argc, argv);
  bool master = options.has('M') || options.has('F') || options.has('P');
  bool edits = options.has('e') || options.has('X') || options.has('#');
  for (char flag : {'a', 'A', 'l', 'm', 'T'}) {
    if (options.has(flag)) return show_lists(options);
  }
  if (options.has('t') || options.has('b')) return show_templates(options);
  if (edits) return master ? edit_master(options) : edit_main(options);
  return master ? show_master(options) : show_main(options);
}
