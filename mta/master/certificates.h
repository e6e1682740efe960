// Which certificates and keys the services that speak TLS as a server have, as main.cf and their -o options say, and what
// each process is given of them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/service/certificate_store.h"
#include "common/service/supervisor.h"
#include "conf/postfix/main_cf.h"
#include "conf/postfix/master_cf.h"

namespace dovetail::mta {

// The files one service names.
struct CertificateFiles {
  std::vector<service::CertificatePair>
      pairs;                  // smtpd_tls_chain_files, or smtpd_tls_[ec]cert_file with its key
  std::set<std::string> all;  // also smtpd_tls_CAfile
};
CertificateFiles certificate_files(const conf::MainCf& cf);

class ServiceCertificates {
 public:
  ServiceCertificates(Loop& loop, Logger log, service::Supervisor& supervisor);
  // Gives the services of these lines their files; specs are in the lines' order. From now on they are watched.
  void take(const std::vector<conf::MasterService>& lines, const conf::MainCf& cf,
            std::vector<service::ServiceSpec>& specs);

 private:
  std::string bytes_for(const std::set<std::string>& paths) const;
  void renewed();

  struct Service {
    std::string name;
    std::set<std::string> paths;
    std::string given;
  };
  Logger log_;
  service::Supervisor& supervisor_;
  std::vector<Service> services_;
  service::CertificateStore store_;
};

}  // namespace dovetail::mta
