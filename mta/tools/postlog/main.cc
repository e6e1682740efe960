// postlog: writes lines to the mail log, for shell scripts; also to standard error if that is a terminal. Manual: postlog(1).
// SPDX-License-Identifier: Apache-2.0
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "common/base/text.h"
#include "conf/postfix/common_parameters.h"
#include "mta/tools/common/tool.h"

namespace dovetail::mta {
namespace {

struct Severity {
  std::string_view name;
  Level level;
};
// clang-format off
constexpr Severity kSeverities[] = {
    {"info", Level::info},   {"warn", Level::warning},  {"warning", Level::warning},
    {"error", Level::error}, {"fatal", Level::fatal},   {"panic", Level::panic},
};
// clang-format on

struct PostlogOptions {
  std::string config_directory, tag, severity = "info", text;
};

// The terminal sees tags with their prefix here, unlike those of other commands.
void open_postlog(bool to_stderr) {
  base::LogTarget target;
  target.to_syslog = true;
  target.to_stderr = to_stderr;
  base::open_log(target);
}

[[noreturn]] void postlog_fatal(const std::string& text) {
  tool_fatal(Logger("postfix/postlog"), 1, text);
}

PostlogOptions parse_postlog(int argc, char** argv) {
  PostlogOptions options;
  for (int c; (c = getopt(argc, argv, "+c:ip:t:v")) != -1;) {
    switch (c) {
      case 'c':
        options.config_directory = optarg;
        break;
      case 'p':
        options.severity = optarg;
        break;
      case 't':
        options.tag = optarg;
        break;
      case 'i':  // the process ID is always there
      case 'v':
        break;
      default:
        postlog_fatal("usage: postlog [-c config_dir] [-i] [-p priority] [-t tag] [-v] [text]");
    }
  }
  for (int i = optind; i < argc; ++i) (options.text += i > optind ? " " : "") += argv[i];
  return options;
}

const Severity* find_severity(std::string_view name) {
  for (const Severity& severity : kSeverities) {
    if (base::iequals(severity.name, name)) return &severity;
  }
  return nullptr;
}

void log_standard_input(const Logger& log, Level level) {
  constexpr size_t kLongestLine = 16384;
  std::string held, chunk(65536, '\0');
  auto tell = [&](std::string_view line) {
    for (; line.size() > kLongestLine; line.remove_prefix(kLongestLine))
      log.write(level, line.substr(0, kLongestLine));
    log.write(level, line);
  };
  for (ssize_t got; (got = read(STDIN_FILENO, chunk.data(), chunk.size())) > 0;) {
    held.append(chunk, 0, static_cast<size_t>(got));
    size_t at = 0;
    for (size_t end; (end = held.find('\n', at)) != std::string::npos; at = end + 1)
      tell(std::string_view(held).substr(at, end - at));
    held.erase(0, at);
  }
  if (!held.empty()) tell(held);
}

int run_postlog(int argc, char** argv) {
  bool terminal = isatty(STDERR_FILENO);
  open_postlog(terminal);
  scrub_tool_environment();
  PostlogOptions options = parse_postlog(argc, argv);
  Logger early("postfix/postlog");
  std::string directory = checked_config_directory(early, options.config_directory, 1);
  conf::LoadOptions how;
  how.process_name = "postlog";
  auto cf = conf::MainCf::load(directory, {}, how);
  if (!cf) postlog_fatal(cf.error().text);
  if (auto valid = conf::check_log_file(*cf); !valid) postlog_fatal(valid.error().text);
  open_tool_log(*cf, terminal);
  base::LogTarget target = base::log_target();
  target.tag_prefix.clear();
  base::open_log(target);
  const Severity* severity = find_severity(options.severity);
  if (!severity) postlog_fatal(format("bad severity: \"{}\"", options.severity));
  Logger log(options.tag.empty() ? cf->get("syslog_name") + "/postlog" : options.tag);
  if (optind < argc)
    log.write(severity->level, options.text);
  else
    log_standard_input(log, severity->level);
  return 0;
}

}  // namespace
}  // namespace dovetail::mta

int main(int argc, char** argv) {
  return dovetail::mta::run_postlog(argc, argv);
}
