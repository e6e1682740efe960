// postalias: makes alias tables from aliases(5) files, and asks, changes and dumps them. Manual: postalias(1).
// SPDX-License-Identifier: Apache-2.0
#include "lookup/postalias/aliases.h"

int main(int argc, char** argv) {
  using namespace dovetail;
  lookup::MapCommand command(lookup::kPostalias,
                             lookup::read_command_line(lookup::kPostalias, argc, argv));
  return command.run();
}
