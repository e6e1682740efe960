// dovetail: the command for what concerns the mail system as a whole. Each sub-command is a program of its own in
// libexec/dovetail; this one finds it and lets it take over. Manual: dovetail(8).
// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "common/base/file.h"
#include "common/base/text.h"
#include "config.h"

namespace {

struct SubCommand {
  std::string_view name, about;
};
constexpr SubCommand sub_commands[] = {
    {"check", "say what is wrong with the whole of the configuration"},
};

void print_usage(FILE* out) {
  fmt::print(out, "usage: dovetail COMMAND [ARGUMENTS]\n       dovetail --version\n\n");
  for (auto& one : sub_commands) fmt::print(out, "    {:<10}{}\n", one.name, one.about);
}

// An installation may stand under another root (a staging directory): ../libexec/dovetail of this program comes first.
std::string helper_path(std::string_view name) {
  char self[PATH_MAX];
  auto size = readlink("/proc/self/exe", self, sizeof(self));
  if (size > 0) {
    auto sbin = dovetail::base::dirname(std::string_view(self, static_cast<size_t>(size)));
    auto path = dovetail::format("{}/libexec/dovetail/{}", dovetail::base::dirname(sbin), name);
    if (access(path.c_str(), X_OK) == 0) return path;
  }
  return dovetail::format("{}/{}", DOVETAIL_LIBEXECDIR, name);
}

}  // namespace

int main(int argc, char** argv) {
  std::string_view name = argc > 1 ? argv[1] : "";
  if (name == "--version") {
    fmt::print("dovetail {}\n", DOVETAIL_VERSION);
    return 0;
  }
  if (name == "--help" || name == "help") {
    print_usage(stdout);
    return 0;
  }
  for (auto& one : sub_commands) {
    if (one.name != name) continue;
    auto path = helper_path(name);
    execv(path.c_str(), argv + 1);
    fmt::print(stderr, "dovetail: {}: {}\n", path, std::strerror(errno));
    return 2;
  }
  if (!name.empty()) fmt::print(stderr, "dovetail: no command {}\n", name);
  print_usage(stderr);
  return 2;
}
