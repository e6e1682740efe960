// The TLS side of a Server: smtpd_tls_* to one context, made while files may still be read.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "common/base/text.h"
#include "mta/smtpd/server.h"

namespace dovetail::mta::smtpd {

using base::format;

namespace {

bool is_none(std::string_view path) {
  return path.empty() || base::iequals(path, "none");
}

Result<void> append_file(const service::FileSnapshot& files, std::string& to,
                         const std::string& path) {
  auto text = files.content(path);
  if (!text) return text.error();
  to += text->reveal();
  if (!to.empty() && to.back() != '\n') to += '\n';
  return {};
}

// smtpd_tls_chain_files: each has a key and its certificates.
Result<void> read_chain_files(const service::FileSnapshot& files, const SmtpdParameters& p,
                              net::TlsSettings& settings) {
  std::string all;
  for (auto& path : conf::split_list(p.smtpd_tls_chain_files)) {
    auto read = append_file(files, all, path);
    if (!read) return read.error();
  }
  settings.certificates = all;
  settings.private_key = Secret(std::move(all));
  return {};
}

Result<void> read_key_pair(const service::FileSnapshot& files, const SmtpdParameters& p,
                           net::TlsSettings& settings) {
  bool ec = is_none(p.smtpd_tls_cert_file);
  auto& certificate = ec ? p.smtpd_tls_eccert_file : p.smtpd_tls_cert_file;
  auto& key = ec ? p.smtpd_tls_eckey_file : p.smtpd_tls_key_file;
  if (is_none(certificate)) return config_error("no certificate: smtpd_tls_cert_file is empty");
  auto read = append_file(files, settings.certificates, certificate);
  if (!read) return read.error();
  std::string text;
  read = append_file(files, text, key);
  if (!read) return read.error();
  settings.private_key = Secret(std::move(text));
  return {};
}

std::string cipher_list(const SmtpdParameters& p, bool mandatory) {
  auto& grade = mandatory ? p.smtpd_tls_mandatory_ciphers : p.smtpd_tls_ciphers;
  auto list = base::iequals(grade, "high")     ? p.tls_high_cipherlist
              : base::iequals(grade, "low")    ? p.tls_low_cipherlist
              : base::iequals(grade, "export") ? p.tls_export_cipherlist
              : base::iequals(grade, "null")   ? p.tls_null_cipherlist
                                               : p.tls_medium_cipherlist;
  auto exclude = [&](const std::string& names) {
    for (auto name : base::words(names, ": ,\t\r\n")) list += format(":!{}", name);
  };
  exclude(p.smtpd_tls_exclude_ciphers);
  if (mandatory) exclude(p.smtpd_tls_mandatory_exclude_ciphers);
  return list;
}

// smtpd_tls_eecdh_grade; "none" leaves the library's choice, since TLS 1.3 knows nothing else.
std::string curves(const SmtpdParameters& p) {
  auto& grade = p.smtpd_tls_eecdh_grade;
  if (base::iequals(grade, "strong")) return p.tls_eecdh_strong_curve;
  if (base::iequals(grade, "ultra")) return p.tls_eecdh_ultra_curve;
  return base::iequals(grade, "none") ? std::string() : net::known_groups(p.tls_eecdh_auto_curves);
}

TlsLevel tls_level_of(const SmtpdParameters& p, const Logger& log) {
  auto& level = p.smtpd_tls_security_level;
  if (level.empty()) {
    if (p.smtpd_enforce_tls) return TlsLevel::encrypt;
    return p.smtpd_use_tls || p.smtpd_tls_wrappermode ? TlsLevel::may : TlsLevel::none;
  }
  if (base::iequals(level, "none")) return p.smtpd_tls_wrappermode ? TlsLevel::may : TlsLevel::none;
  if (base::iequals(level, "may")) return TlsLevel::may;
  if (!base::iequals(level, "encrypt"))
    log.warning("Unknown TLS level \"{}\", using \"encrypt\"", level);
  return TlsLevel::encrypt;
}

}  // namespace

Result<std::shared_ptr<net::TlsContext>> Server::make_tls(const SmtpdParameters& p) const {
  bool mandatory = tls_level == TlsLevel::encrypt || p.smtpd_tls_wrappermode;
  net::TlsSettings settings;
  auto keys = p.smtpd_tls_chain_files.empty() ? read_key_pair(files, p, settings)
                                              : read_chain_files(files, p, settings);
  if (keys && !p.smtpd_tls_CAfile.empty())
    keys = append_file(files, settings.ca_certificates, p.smtpd_tls_CAfile);
  if (!keys) return keys.error();
  settings.ca_path = p.smtpd_tls_CApath;
  settings.protocols = mandatory ? p.smtpd_tls_mandatory_protocols : p.smtpd_tls_protocols;
  settings.ciphers = cipher_list(p, mandatory);
  settings.prefer_server_ciphers = p.tls_preempt_cipherlist;
  settings.groups = curves(p);
  settings.options = p.tls_ssl_options;
  settings.verify_depth = p.smtpd_tls_ccert_verifydepth;
  settings.default_roots = p.tls_append_default_CA;
  auto& dh = p.smtpd_tls_dh1024_param_file;
  if (keys && !is_none(dh) && !base::iequals(dh, "auto"))
    keys = append_file(files, settings.dh_parameters, dh);
  settings.ask_client_certificate = p.smtpd_tls_ask_ccert || p.smtpd_tls_req_ccert;
  settings.require_client_certificate = p.smtpd_tls_req_ccert && mandatory;
  settings.tickets = tickets;
  settings.ticket_cipher = p.tls_session_ticket_cipher;
  if (!p.tls_session_ticket_cipher.empty())
    settings.session_lifetime = p.smtpd_tls_session_cache_timeout;
  else
    settings.session_lifetime = std::chrono::seconds(0);
  settings.tickets_per_session = 1;  // MTAs keep one session per server
  settings.session_context = "smtpd";
  return net::TlsContext::server(settings);
}

Result<void> Server::open_tls(const SmtpdParameters& p) {
  tls_level = tls_level_of(p, log);
  tls_loglevel = base::parse_number<int>(p.smtpd_tls_loglevel).value_or(0);
  if (tls_level == TlsLevel::none) return {};
  auto made = make_tls(p);
  if (made) {
    tls = std::move(*made);
    return {};
  }
  // Plain mail goes on as far as it may; STARTTLS says 454, wrapper mode has nothing to say.
  log.warning("TLS: {}: disabling TLS support", made.error().text);
  if (p.smtpd_tls_wrappermode)
    return config_error("smtpd_tls_wrappermode needs a certificate: " + made.error().text);
  return {};
}

Result<void> Server::renew_tls(service::FileSnapshot renewed) {
  if (tls_level == TlsLevel::none) return {};
  files = std::move(renewed);
  auto made = make_tls(normal);
  files = {};
  if (!made) return made.error();
  tls = std::move(*made);
  return {};
}

}  // namespace dovetail::mta::smtpd
