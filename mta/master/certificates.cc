// SPDX-License-Identifier: Apache-2.0
#include "mta/master/certificates.h"

#include "common/base/text.h"

namespace dovetail::mta {

namespace {

bool names_no_file(const std::string& value) {
  return value.empty() || base::iequals(value, "none");
}

// main.cf as this line of master.cf sees it; nullopt: the process will say what is wrong with it.
std::optional<conf::MainCf> main_cf_of(const conf::MasterService& line, const conf::MainCf& cf) {
  conf::LoadOptions options;
  options.process_name = "smtpd";
  options.service_name = line.name;
  auto own = conf::MainCf::load(cf.config_directory(), line.overrides, options);
  if (!own) return std::nullopt;
  return std::move(*own);
}

}  // namespace

CertificateFiles certificate_files(const conf::MainCf& cf) {
  CertificateFiles made;
  std::vector<std::string> chain;
  auto names = cf.get("smtpd_tls_chain_files");
  for (auto word : base::words(names, " \t\r\n,")) chain.emplace_back(word);
  if (!chain.empty()) made.pairs.push_back({chain, chain});
  for (auto& [certificate, key] : {std::pair("smtpd_tls_cert_file", "smtpd_tls_key_file"),
                                   std::pair("smtpd_tls_eccert_file", "smtpd_tls_eckey_file")}) {
    if (chain.empty() && !names_no_file(cf.get(certificate)))
      made.pairs.push_back({{cf.get(certificate)}, {cf.get(key)}});
  }
  for (auto& pair : made.pairs) {
    made.all.insert(pair.certificate.begin(), pair.certificate.end());
    made.all.insert(pair.key.begin(), pair.key.end());
  }
  if (!made.pairs.empty() && !names_no_file(cf.get("smtpd_tls_CAfile")))
    made.all.insert(cf.get("smtpd_tls_CAfile"));
  auto dh = cf.get("smtpd_tls_dh1024_param_file");
  if (!made.pairs.empty() && !names_no_file(dh) && dh != "auto") made.all.insert(dh);
  return made;
}

ServiceCertificates::ServiceCertificates(Loop& loop, Logger log, service::Supervisor& supervisor)
    : log_(log), supervisor_(supervisor), store_(loop, std::move(log), [this] { renewed(); }) {}

std::string ServiceCertificates::bytes_for(const std::set<std::string>& paths) const {
  return std::string(store_.files().only(paths).encode().reveal());
}

void ServiceCertificates::take(const std::vector<conf::MasterService>& lines,
                               const conf::MainCf& cf, std::vector<service::ServiceSpec>& specs) {
  services_.clear();
  std::vector<service::CertificatePair> pairs;
  std::set<std::string> all;
  for (size_t i = 0; i < specs.size(); ++i) {
    if (lines[i].program != "smtpd") continue;
    auto own = main_cf_of(lines[i], cf);
    auto files = own ? certificate_files(*own) : CertificateFiles();
    if (files.pairs.empty()) continue;
    specs[i].wants_tickets = true;
    services_.push_back({specs[i].name, files.all, {}});
    for (auto& pair : files.pairs) pairs.push_back(std::move(pair));
    all.merge(files.all);
  }
  store_.configure(std::move(pairs), all);
  for (auto& service : services_) {
    service.given = bytes_for(service.paths);
    for (auto& spec : specs) {
      if (spec.name == service.name) spec.settings = service.given;
    }
  }
}

void ServiceCertificates::renewed() {
  for (auto& service : services_) {
    auto now = bytes_for(service.paths);
    if (now == service.given) continue;
    base::wipe(service.given);
    service.given = now;
    supervisor_.renew(service.name, std::move(now));
    log_.info("service {}: its certificate was renewed", service.name);
  }
}

}  // namespace dovetail::mta
