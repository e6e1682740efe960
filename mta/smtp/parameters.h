// What smtp and lmtp read of main.cf. Both are one program: each parameter is smtp_NAME or lmtp_NAME. Manual: smtp(8).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "conf/postfix/main_cf.h"
#include "conf/units.h"

namespace dovetail::mta {

struct SmtpParameters {
  bool lmtp = false;
  std::string myhostname, mydomain, inet_protocols, helo_name, bind_address, bind_address6, address_preference, tcp_port;
  std::string fallback_relay;
  int mx_address_limit = 5, mx_session_limit = 2, line_length_limit = 998, connection_reuse_count_limit = 0;
  bool randomize_addresses = true, skip_quit_response = true, skip_5xx_greeting = true, ignore_mx_lookup_error = false;
  bool connection_cache_on_demand = true;
  std::string discard_ehlo_keywords, host_lookup;
  conf::Seconds connect_timeout{}, helo_timeout{}, starttls_timeout{}, mail_timeout{}, rcpt_timeout{}, data_init_timeout{},
      data_xfer_timeout{}, data_done_timeout{}, quit_timeout{}, connection_cache_time_limit{};
  // TLS
  std::string tls_security_level, tls_protocols, tls_mandatory_protocols, tls_cert_file, tls_key_file, tls_CAfile, tls_CApath,
      tls_loglevel, tls_servername, tls_ciphers, tls_mandatory_ciphers, tls_exclude_ciphers, tls_mandatory_exclude_ciphers,
      tls_policy_maps, tls_chain_files, tls_eccert_file, tls_eckey_file, tls_fingerprint_digest, tls_fingerprint_cert_match,
      tls_verify_cert_match, tls_secure_cert_match;
  std::string tls_high_cipherlist, tls_medium_cipherlist, tls_low_cipherlist, tls_export_cipherlist, tls_null_cipherlist,
      tls_eecdh_auto_curves, tls_ssl_options;
  bool tls_wrappermode = false, use_tls = false, enforce_tls = false, tls_enforce_peername = true;
  bool tls_security_level_is_old = false;  // made of use_tls and enforce_tls
  bool tls_append_default_CA = false, tls_wildcard_matches_multiple_labels = true;
  int tls_scert_verifydepth = 9;
  // SASL
  bool sasl_auth_enable = false, sasl_auth_soft_bounce = true;
  std::string sasl_password_maps, sasl_security_options, sasl_tls_security_options, sasl_tls_verified_security_options,
      sasl_mechanism_filter;
};
Result<SmtpParameters> read_smtp_parameters(const conf::MainCf& cf, bool lmtp);

}  // namespace dovetail::mta
