// The command line of dovecot-lda.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

namespace dovetail::mda::lda {

struct Options {
  std::string config_file = "/etc/dovecot/dovecot.conf";  // -c
  std::string user;                                       // -d; empty: the caller
  std::string path;                                       // -p; empty: standard input
  std::string mailbox;                                    // -m
  std::optional<std::string> sender;                      // -f, without brackets
  std::string original_recipient, final_recipient;        // -a, -r
  bool exit_status_tells = false;                         // -e
  bool keep_environment = false;                          // -k
};

extern const char* const kUsage;

// nullopt: wrong usage; getopt has said why.
std::optional<Options> parse_options(int argc, char** argv);

}  // namespace dovetail::mda::lda
