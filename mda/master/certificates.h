// The certificates and keys that dovecot.conf names with <file, also in protocol, local and local_name blocks, and the tree
// with their contents in the files' place.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <vector>

#include "common/service/certificate_store.h"
#include "conf/dovecot/settings.h"

namespace dovetail::mda {

// ssl_cert with its ssl_key, for every block that sets one of them.
std::vector<service::CertificatePair> certificate_pairs(const conf::dovecot::Tree& tree);
// ssl_ca.
std::set<std::string> certificate_roots(const conf::dovecot::Tree& tree);
// For pack(): these settings have the store's contents, whatever the files are now.
conf::dovecot::Tree with_contents(const conf::dovecot::Tree& tree,
                                  const service::FileSnapshot& files);

}  // namespace dovetail::mda
