// SPDX-License-Identifier: Apache-2.0
#include "mta/smtp/parameters.h"

#include <variant>

#include "conf/bind.h"

namespace dovetail::mta {

namespace {

using P = SmtpParameters;

struct SmtpField {
  std::string_view suffix;  // behind "smtp_" or "lmtp_"
  conf::Bind<P>::Field field;
};

// clang-format off
constexpr SmtpField kSmtpFields[] = {
    {"bind_address",                  &P::bind_address},          {"bind_address6",               &P::bind_address6},
    {"address_preference",            &P::address_preference},    {"tcp_port",                    &P::tcp_port},
    {"mx_address_limit",              &P::mx_address_limit},      {"mx_session_limit",            &P::mx_session_limit},
    {"line_length_limit",             &P::line_length_limit},     {"randomize_addresses",         &P::randomize_addresses},
    {"skip_quit_response",            &P::skip_quit_response},    {"skip_5xx_greeting",           &P::skip_5xx_greeting},
    {"connection_cache_on_demand",    &P::connection_cache_on_demand},
    {"connection_cache_time_limit",   &P::connection_cache_time_limit},
    {"connection_reuse_count_limit",  &P::connection_reuse_count_limit},
    {"host_lookup",                   &P::host_lookup},
    {"connect_timeout",               &P::connect_timeout},       {"starttls_timeout",            &P::starttls_timeout},
    {"mail_timeout",                  &P::mail_timeout},          {"rcpt_timeout",                &P::rcpt_timeout},
    {"data_init_timeout",             &P::data_init_timeout},     {"data_xfer_timeout",           &P::data_xfer_timeout},
    {"data_done_timeout",             &P::data_done_timeout},     {"quit_timeout",                &P::quit_timeout},
    {"tls_security_level",            &P::tls_security_level},    {"tls_protocols",               &P::tls_protocols},
    {"tls_mandatory_protocols",       &P::tls_mandatory_protocols}, {"tls_cert_file",             &P::tls_cert_file},
    {"tls_key_file",                  &P::tls_key_file},          {"tls_CAfile",                  &P::tls_CAfile},
    {"tls_CApath",                    &P::tls_CApath},            {"tls_loglevel",                &P::tls_loglevel},
    {"tls_servername",                &P::tls_servername},        {"tls_wrappermode",             &P::tls_wrappermode},
    {"tls_ciphers",                   &P::tls_ciphers},           {"tls_mandatory_ciphers",       &P::tls_mandatory_ciphers},
    {"tls_exclude_ciphers",           &P::tls_exclude_ciphers},
    {"tls_mandatory_exclude_ciphers", &P::tls_mandatory_exclude_ciphers},
    {"tls_policy_maps",               &P::tls_policy_maps},       {"tls_chain_files",             &P::tls_chain_files},
    {"tls_eccert_file",               &P::tls_eccert_file},       {"tls_eckey_file",              &P::tls_eckey_file},
    {"tls_fingerprint_digest",        &P::tls_fingerprint_digest},
    {"tls_fingerprint_cert_match",    &P::tls_fingerprint_cert_match},
    {"tls_verify_cert_match",         &P::tls_verify_cert_match}, {"tls_secure_cert_match",       &P::tls_secure_cert_match},
    {"tls_scert_verifydepth",         &P::tls_scert_verifydepth}, {"tls_enforce_peername",        &P::tls_enforce_peername},
    {"use_tls",                       &P::use_tls},               {"enforce_tls",                 &P::enforce_tls},
    {"sasl_auth_enable",              &P::sasl_auth_enable},      {"sasl_auth_soft_bounce",       &P::sasl_auth_soft_bounce},
    {"sasl_password_maps",            &P::sasl_password_maps},    {"sasl_security_options",       &P::sasl_security_options},
    {"sasl_tls_security_options",     &P::sasl_tls_security_options}, {"sasl_mechanism_filter",   &P::sasl_mechanism_filter},
    {"sasl_tls_verified_security_options", &P::sasl_tls_verified_security_options},
};
// Named differently in the two, or in one only.
constexpr conf::Bind<P> kCommonFields[] = {
    {"myhostname", &P::myhostname}, {"mydomain", &P::mydomain}, {"inet_protocols", &P::inet_protocols},
    {"tls_high_cipherlist",   &P::tls_high_cipherlist},   {"tls_medium_cipherlist", &P::tls_medium_cipherlist},
    {"tls_low_cipherlist",    &P::tls_low_cipherlist},    {"tls_export_cipherlist", &P::tls_export_cipherlist},
    {"tls_null_cipherlist",   &P::tls_null_cipherlist},   {"tls_eecdh_auto_curves", &P::tls_eecdh_auto_curves},
    {"tls_ssl_options",       &P::tls_ssl_options},       {"tls_append_default_CA", &P::tls_append_default_CA},
    {"tls_wildcard_matches_multiple_labels", &P::tls_wildcard_matches_multiple_labels},
};
constexpr conf::Bind<P> kSmtpOnlyFields[] = {
    {"smtp_helo_name", &P::helo_name},                  {"smtp_helo_timeout", &P::helo_timeout},
    {"smtp_discard_ehlo_keywords", &P::discard_ehlo_keywords}, {"ignore_mx_lookup_error", &P::ignore_mx_lookup_error},
    {"smtp_fallback_relay", &P::fallback_relay},
};
constexpr conf::Bind<P> kLmtpOnlyFields[] = {
    {"lmtp_lhlo_name", &P::helo_name}, {"lmtp_lhlo_timeout", &P::helo_timeout},
    {"lmtp_discard_lhlo_keywords", &P::discard_ehlo_keywords},
};
// clang-format on

}  // namespace

Result<SmtpParameters> read_smtp_parameters(const conf::MainCf& cf, bool lmtp) {
  SmtpParameters out;
  out.lmtp = lmtp;
  std::string prefix = lmtp ? "lmtp_" : "smtp_";
  for (auto& row : kSmtpFields) {
    auto name = prefix + std::string(row.suffix);
    auto read = std::visit([&](auto field) { return conf::read_field(cf, name, out.*field); }, row.field);
    if (!read) return read.error();
  }
  auto read = conf::read_into(out, cf, kCommonFields);
  if (!read) return read.error();
  read = lmtp ? conf::read_into(out, cf, kLmtpOnlyFields) : conf::read_into(out, cf, kSmtpOnlyFields);
  if (!read) return read.error();
  if (out.tls_security_level.empty()) {
    out.tls_security_level_is_old = true;
    out.tls_security_level = out.enforce_tls ? "encrypt" : out.use_tls ? "may" : "none";
  }
  return out;
}

}  // namespace dovetail::mta
