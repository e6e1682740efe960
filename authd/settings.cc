// SPDX-License-Identifier: Apache-2.0
#include "authd/settings.h"

#include "authd/mech/mech.h"
#include "common/base/text.h"

namespace dovetail::authd {

Result<AuthSettings> read_auth_settings(const conf::dovecot::View& view) {
  AuthSettings settings;
  settings.mechanisms.clear();
  const auto mechanisms = view.get("auth_mechanisms");
  for (auto word : base::words(mechanisms)) {
    if (!find_mech(word)) {
      return config_error(format("Unknown authentication mechanism '{}'", base::upper(word)));
    }
    settings.mechanisms.push_back(base::upper(word));
  }
  if (settings.mechanisms.empty()) return config_error("No authentication mechanisms configured");
  if (!view.get("auth_policy_server_url").empty()) {
    return config_error("auth_policy_server_url is not supported: a policy server cannot be asked");
  }
  settings.username_chars = view.get("auth_username_chars");
  settings.username_translation = view.get("auth_username_translation");
  if (settings.username_translation.size() % 2 != 0) {
    return config_error("auth_username_translation doesn't have pairs of characters");
  }
  settings.username_format = view.get("auth_username_format");
  settings.default_realm = view.get("auth_default_realm");
  settings.master_user_separator = view.get("auth_master_user_separator");
  settings.failure_delay = view.get_time("auth_failure_delay");
  settings.cache_size = view.get_size("auth_cache_size");
  settings.cache_ttl =
      std::chrono::duration_cast<std::chrono::seconds>(view.get_time("auth_cache_ttl"));
  settings.cache_negative_ttl =
      std::chrono::duration_cast<std::chrono::seconds>(view.get_time("auth_cache_negative_ttl"));
  settings.verbose = view.get_bool("auth_verbose");
  settings.verbose_passwords = view.get("auth_verbose_passwords");
  settings.debug = view.get_bool("auth_debug");
  settings.ssl_require_client_cert = view.get_bool("auth_ssl_require_client_cert");
  settings.ssl_username_from_cert = view.get_bool("auth_ssl_username_from_cert");
  settings.worker_max_count = static_cast<unsigned>(view.get_number("auth_worker_max_count"));
  settings.base_dir = view.get("base_dir");
  settings.first_valid_uid = static_cast<unsigned>(view.get_number("first_valid_uid"));
  settings.last_valid_uid = static_cast<unsigned>(view.get_number("last_valid_uid"));
  settings.passdbs = view.passdbs();
  settings.userdbs = view.userdbs();
  if (settings.passdbs.empty())
    return config_error("No passdbs specified in configuration file. PLAIN mechanism needs one");
  return settings;
}

}  // namespace dovetail::authd
