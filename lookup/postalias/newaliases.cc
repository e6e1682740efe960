// newaliases: postalias over all tables of alias_database. Sendmail's options are accepted as far as they make sense here:
// -C DIRECTORY (or its main.cf), -v. Manual: postalias(1).
// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cstdlib>

#include "common/base/file.h"
#include "common/base/text.h"
#include "conf/units.h"
#include "lookup/postalias/aliases.h"

namespace dovetail::lookup {
namespace {

int newaliases(int argc, char** argv) {
  Logger log("newaliases");
  CommandOptions options;
  std::string name = "newaliases";
  argv[0] = name.data();
  for (int flag; (flag = getopt(argc, argv, "C:o:v")) > 0;) {
    if (flag == 'C') {
      // Sendmail's -C names a file.
      std::string path = optarg;
      options.config_directory =
          base::basename(path) == "main.cf" ? std::string(base::dirname(path)) : path;
    } else if (flag == 'v') {
      ++options.verbose;
    } else if (flag == '?') {
      command_fatal(log, "usage: newaliases [-v] [-C config_dir]");
    }
  }
  auto directory = conf::config_directory(options.config_directory);
  setenv("MAIL_CONFIG", directory.c_str(), 1);
  conf::LoadOptions load;
  load.process_name = name;
  auto main_cf = conf::MainCf::load(directory, {}, std::move(load));
  if (!main_cf) command_fatal(log, main_cf.error().text);
  options.tables = conf::split_list(main_cf->get("alias_database"));
  if (options.tables.empty()) return 0;
  MapCommand command(kPostalias, std::move(options));
  return command.run();
}

}  // namespace
}  // namespace dovetail::lookup

int main(int argc, char** argv) {
  return dovetail::lookup::newaliases(argc, argv);
}
