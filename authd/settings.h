// What auth and auth -w take from dovecot.conf, read once at start. What this version cannot do is refused here, by name:
// a mechanism, driver or policy that is asked for and silently missing would let somebody in or keep everybody out.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/secret.h"
#include "conf/dovecot/settings.h"

namespace dovetail::authd {

struct AuthSettings {
  std::vector<std::string> mechanisms = {"PLAIN"};  // upper case, in the order of auth_mechanisms
  std::string username_chars =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01234567890.-_@";
  std::string username_translation;
  std::string username_format = "%Lu";
  std::string default_realm;
  std::string master_user_separator;
  std::chrono::milliseconds failure_delay{2000};
  uint64_t cache_size = 0;
  std::chrono::seconds cache_ttl{3600}, cache_negative_ttl{3600};
  bool verbose = false;
  std::string verbose_passwords = "no";
  bool debug = false;
  bool ssl_require_client_cert = false, ssl_username_from_cert = false;
  unsigned worker_max_count = 30;
  std::string base_dir = "/run/dovecot";
  unsigned first_valid_uid = 500, last_valid_uid = 0;
  std::vector<conf::dovecot::Passdb> passdbs;
  std::vector<conf::dovecot::Userdb> userdbs;
  // Content of a *.conf.ext that came with the settings; nullopt or empty function: read the file.
  std::function<std::optional<Secret>(const std::string& path)> external_file;
};

// An Error is the Fatal line auth ends with.
Result<AuthSettings> read_auth_settings(const conf::dovecot::View& view);

}  // namespace dovetail::authd
