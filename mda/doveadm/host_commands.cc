// config, exec, log find: about the installation, not about a user.
// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "common/base/text.h"
#include "config.h"
#include "mda/doveadm/doveadm.h"

namespace dovetail::mda::doveadm {

namespace {

int replace_with(const std::string& path, Words words) {
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::execv(path.c_str(), argv.data());
  return fatal(format("execv({}) failed: {}", path, strerror(errno)), kTempFail);
}

}  // namespace

int cmd_config(const Options& options, const Command&, Words arguments) {
  Words words{"doveconf", "-c", options.config_path};
  words.insert(words.end(), arguments.begin(), arguments.end());
  // doveconf stands beside doveadm.
  std::string self(4096, '\0');
  ssize_t n = ::readlink("/proc/self/exe", self.data(), self.size());
  self.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return replace_with(self.substr(0, self.rfind('/') + 1) + "doveconf", std::move(words));
}

int cmd_exec(const Options& options, const Command& command, Words arguments) {
  if (arguments.empty()) return usage_error(command);
  conf::dovecot::Tree tree;
  auto view = load_view(options, tree);
  if (!view) return kConfigError;
  auto path = format("{}/{}", view->get("libexec_dir"), arguments[0]);
  return replace_with(path, std::move(arguments));
}

int cmd_log_find(const Options& options, const Command& command, Words arguments) {
  if (!arguments.empty()) return usage_error(command);
  conf::dovecot::Tree tree;
  auto view = load_view(options, tree);
  if (!view) return kConfigError;
  // All levels go to one place: info_log_path and debug_log_path are not supported, which is said at start.
  auto path = view->get("log_path");
  if (path == "syslog")
    return fatal("log find: the logs go to syslog; where it writes them is its configuration's",
                 kTempFail);
  for (auto level : {"Debug", "Info", "Warning", "Error", "Fatal"})
    fmt::print("{}: {}\n", level, path);
  return kOk;
}

}  // namespace dovetail::mda::doveadm
