// dovetail check: reads the whole configuration of a mail host, Postfix's files and Dovecot's together, and says what is wrong
// with it. Changes nothing. Manual: dovetail-check(8).
// SPDX-License-Identifier: Apache-2.0
#include <getopt.h>
#include <unistd.h>

#include <climits>
#include <cstdio>

#include "check/finding.h"
#include "check/rules.h"
#include "check/site.h"
#include "common/base/file.h"
#include "common/base/text.h"
#include "conf/postfix/main_cf.h"

namespace dovetail::check {

namespace {

constexpr std::string_view kUsage =
    "usage: dovetail check [-c POSTFIX_DIRECTORY] [-d DOVECOT_CONF] [-r RULE] [-t MILLISECONDS] "
    "[--dns] [--json] [--list]\n";

enum LongOption { kOptionDns = 256, kOptionJson, kOptionList, kOptionHelp };
constexpr option long_options[] = {{"postfix", required_argument, nullptr, 'c'},
                                   {"dovecot", required_argument, nullptr, 'd'},
                                   {"rule", required_argument, nullptr, 'r'},
                                   {"timeout", required_argument, nullptr, 't'},
                                   {"dns", no_argument, nullptr, kOptionDns},
                                   {"json", no_argument, nullptr, kOptionJson},
                                   {"list", no_argument, nullptr, kOptionList},
                                   {"help", no_argument, nullptr, kOptionHelp},
                                   {nullptr, 0, nullptr, 0}};

struct CommandLine {
  SiteOptions site;
  std::string only;
  bool json = false, list = false, help = false, wrong = false;
};

// Helpers stand beside this program.
std::string beside(std::string_view name) {
  char path[PATH_MAX];
  auto size = readlink("/proc/self/exe", path, sizeof(path));
  if (size <= 0) return std::string(name);
  return format("{}/{}", base::dirname(std::string_view(path, static_cast<size_t>(size))), name);
}

CommandLine read_command_line(int argc, char** argv) {
  CommandLine line;
  line.site.dovecot_conf = "/etc/dovecot/dovecot.conf";
  line.site.hash_checker = beside("check-hashes");
  std::string postfix;
  int letter = 0;
  while ((letter = getopt_long(argc, argv, "c:d:r:t:", long_options, nullptr)) != -1) {
    if (letter == 'c') {
      postfix = optarg;
    } else if (letter == 'd') {
      line.site.dovecot_conf = optarg;
      line.site.dovecot_expected = true;
    } else if (letter == 'r') {
      line.only = optarg;
    } else if (letter == 't') {
      auto patience = base::parse_number<unsigned>(optarg);
      line.wrong = line.wrong || !patience;
      line.site.patience = base::Milliseconds(patience.value_or(0));
    } else if (letter == kOptionDns) {
      line.site.dns = true;
    } else if (letter == kOptionJson) {
      line.json = true;
    } else if (letter == kOptionList) {
      line.list = true;
    } else if (letter == kOptionHelp) {
      line.help = true;
    } else {
      line.wrong = true;
    }
  }
  line.wrong = line.wrong || optind != argc;
  line.site.postfix_directory = conf::config_directory(postfix);
  return line;
}

int list_rules() {
  for (auto& rule : rules())
    fmt::print("{:<22}{}{}\n", rule.name, rule.about, rule.needs & kDns ? " (--dns)" : "");
  return 0;
}

int run(const CommandLine& line) {
  net::Loop loop;
  Surroundings surroundings;
  if (line.site.dns) surroundings.resolver = net::make_resolver(loop);
  Site site(loop, line.site, surroundings);
  Report report;
  if (!run_rules(site, report, line.only)) {
    fmt::print(stderr, "dovetail check: no rule {} (--list shows them)\n", line.only);
    return 2;
  }
  fmt::print("{}", line.json ? report.json() : report.text());
  return report.exit_status();
}

}  // namespace

}  // namespace dovetail::check

int main(int argc, char** argv) {
  using namespace dovetail::check;
  auto line = read_command_line(argc, argv);
  if (line.wrong || line.help) {
    fmt::print(line.help ? stdout : stderr, "{}", kUsage);
    return line.help ? 0 : 2;
  }
  if (line.list) return list_rules();
  int status = run(line);
  std::fflush(stdout);
  _exit(status);  // a thread may still wait for a name server
}
