// SPDX-License-Identifier: Apache-2.0
#include "mda/lda/options.h"

#include <unistd.h>

namespace dovetail::mda::lda {

const char* const kUsage =
    "Usage: dovecot-lda [-c <config file>] [-d <username>] [-p <path>]\n"
    "                   [-m <mailbox>] [-e] [-k] [-f <envelope sender>]\n"
    "                   [-a <original envelope recipient>]\n"
    "                   [-r <final envelope recipient>] \n";

namespace {

std::string without_brackets(std::string text) {
  if (text.size() >= 2 && text.front() == '<' && text.back() == '>')
    return text.substr(1, text.size() - 2);
  return text;
}

}  // namespace

std::optional<Options> parse_options(int argc, char** argv) {
  Options made;
  optind = 1;
  for (int c; (c = ::getopt(argc, argv, "+a:c:d:ekf:m:p:r:")) != -1;) {
    switch (c) {
      case 'a':
        made.original_recipient = without_brackets(optarg);
        break;
      case 'c':
        made.config_file = optarg;
        break;
      case 'd':
        made.user = optarg;
        break;
      case 'e':
        made.exit_status_tells = true;
        break;
      case 'k':
        made.keep_environment = true;
        break;
      case 'f':
        made.sender = without_brackets(optarg);
        break;
      case 'm':
        made.mailbox = optarg;
        break;
      case 'p':
        made.path = optarg;
        break;
      case 'r':
        made.final_recipient = without_brackets(optarg);
        break;
      default:
        return std::nullopt;
    }
  }
  if (optind < argc) return std::nullopt;
  return made;
}

}  // namespace dovetail::mda::lda
