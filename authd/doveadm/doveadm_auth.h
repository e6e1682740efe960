// doveadm pw, auth and user: the helper program doveadm-auth, started by doveadm with its common options in front
// (-c FILE, -o setting=value ...). Each command gets its own words and gives the exit status.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/secret.h"
#include "common/proto/auth_fields.h"
#include "conf/dovecot/settings.h"

namespace dovetail::authd {

// sysexits(3), as the incumbent gives them.
enum DoveadmStatus {
  kDoveadmOk = 0,
  kDoveadmUsage = 64,
  kDoveadmNoUser = 67,
  kDoveadmTempfail = 75,
  kDoveadmNoPerm = 77
};

struct DoveadmContext {
  std::string config_path;
  std::vector<conf::dovecot::Override> overrides;

  // dovecot.conf for protocol doveadm; read when first needed (pw never does).
  Result<std::shared_ptr<const conf::dovecot::View>> view() const;
};

using DoveadmWords = std::vector<std::string>;
int doveadm_pw(const DoveadmContext& context, const DoveadmWords& words);
int doveadm_auth(const DoveadmContext& context, const DoveadmWords& words);
int doveadm_user(const DoveadmContext& context, const DoveadmWords& words);

// getopt(3) over words[0] as the program's name; its own message comes for an unknown option.
struct DoveadmOption {
  char letter = 0;  // '?': unknown, said already
  std::string value;
};
struct DoveadmOptions {
  std::vector<DoveadmOption> options;
  std::vector<std::string> arguments;
  bool bad = false;
};
DoveadmOptions read_doveadm_options(const DoveadmWords& words, const char* letters);

// "Fatal: text" on stderr; returns the status.
int doveadm_fatal(std::string_view text, int status = kDoveadmTempfail);
void doveadm_error(std::string_view text);
// One line from the terminal without echo (prompt shown), or from standard input.
Result<Secret> read_password(const char* prompt);
// "  user      : f", one line per field as it came.
void print_field_list(std::string_view user, std::optional<std::string_view> raw);
// "-x key=value" words for a request.
void add_auth_info(proto::AuthFields& fields, const std::string& word);

}  // namespace dovetail::authd
