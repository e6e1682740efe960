// postkick: sends a request, a few bytes, to a service of the mail system. Manual: postkick(1).
// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/base/text.h"
#include "mta/tools/common/tool.h"

namespace dovetail::mta {
namespace {

int run_postkick(int argc, char** argv) {
  Logger log("postkick");
  open_tool_log();
  std::string config_directory;
  constexpr const char* kUsage = "usage: postkick [-c config_dir] [-v] class service request";
  for (int c; (c = getopt(argc, argv, "+c:v")) != -1;) {
    if (c == 'c') config_directory = optarg;
    if (c == '?') tool_fatal(log, 1, kUsage);
  }
  if (argc - optind != 3) tool_fatal(log, 1, kUsage);
  conf::MainCf cf = load_tool_configuration(log, config_directory, 1);
  if (chdir(cf.get("queue_directory").c_str()) != 0)
    tool_fatal(log, 1, format("chdir {}: {}", cf.get("queue_directory"), strerror(errno)));
  std::string kind = argv[optind], service = argv[optind + 1];
  struct stat status {};
  std::string path = kind + '/' + service;
  bool other =
      stat(path.c_str(), &status) == 0 && !S_ISSOCK(status.st_mode) && !S_ISFIFO(status.st_mode);
  if (other) log.warning("{} is not a socket or a fifo", path);
  if (!other && trigger_daemon(log, path, argv[optind + 2])) return 0;
  log.warning("Cannot contact class {} service {} - perhaps the mail system is down", kind,
              service);
  return 1;
}

}  // namespace
}  // namespace dovetail::mta

int main(int argc, char** argv) {
  return dovetail::mta::run_postkick(argc, argv);
}
