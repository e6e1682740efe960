// The small files beside dovecot.conf: dovecot-sql.conf.ext, dovecot-ldap.conf.ext, dict files.
// `key = value` lines, # comments, "\" at the end of a line continues it; no blocks, includes or
// quotes in the plain form. Which keys exist is the reader's business (authd); an unknown key is
// his error to give.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/secret.h"

namespace dovetail::conf::dovecot {

struct ExtSetting {
  std::string section;  // "map", "key NAME" for dict files' blocks; empty outside
  std::string key;
  Secret value;
  unsigned line = 0;
};

// Errors: "Error in configuration file FILE line N: Expecting '='".
Result<std::vector<ExtSetting>> parse_ext_file(std::string_view text, std::string_view file);
Result<std::vector<ExtSetting>> read_ext_file(const std::string& path);

}  // namespace dovetail::conf::dovecot
