// SPDX-License-Identifier: Apache-2.0
#include "common/service/certificate_store.h"

#include "common/base/text.h"
#include "common/net/tls.h"

namespace dovetail::service {

namespace {

constexpr std::chrono::seconds kLookEvery{2};

Result<Secret> joined_content(const FileSnapshot& files, const std::vector<std::string>& paths) {
  size_t size = 0;
  std::vector<Secret> parts;
  for (auto& path : paths) {
    auto part = files.content(path);
    if (!part) return part.error();
    size += part->reveal().size() + 1;
    parts.push_back(std::move(*part));
  }
  std::string all;
  all.reserve(size);
  for (auto& part : parts) {
    all += part.reveal();
    all += '\n';
  }
  return Secret(std::move(all));
}

Result<void> check_pair(const FileSnapshot& files, const CertificatePair& pair) {
  auto certificate = joined_content(files, pair.certificate);
  if (!certificate) return certificate.error();
  auto key = joined_content(files, pair.key);
  if (!key) return key.error();
  net::TlsSettings settings;
  settings.certificates = std::string(certificate->reveal());
  settings.private_key = std::move(*key);
  settings.key_password = pair.password;
  auto made = net::TlsContext::server(settings);
  base::wipe(settings.certificates);  // a chain file has the key, too
  if (!made) return made.error().wrap(pair.certificate.front());
  return {};
}

}  // namespace

CertificateStore::CertificateStore(Loop& loop, Logger log, std::function<void()> renewed)
    : log_(std::move(log)),
      renewed_(std::move(renewed)),
      watch_(loop, kLookEvery, [this] { files_changed(); }) {}

void CertificateStore::configure(std::vector<CertificatePair> pairs,
                                 const std::set<std::string>& others) {
  pairs_ = std::move(pairs);
  paths_ = others;
  for (auto& pair : pairs_) {
    paths_.insert(pair.certificate.begin(), pair.certificate.end());
    paths_.insert(pair.key.begin(), pair.key.end());
  }
  watch_.watch(paths_);  // before they are read: what changes between is seen later
  files_ = read_fitting();
}

FileSnapshot CertificateStore::read_fitting() {
  auto now = FileSnapshot::read(paths_);
  std::string said;
  for (auto& pair : pairs_) {
    auto fits = check_pair(now, pair);
    if (fits || !files_.has_all(pair.certificate) || !files_.has_all(pair.key)) continue;
    now.take_from(files_, pair.certificate);
    now.take_from(files_, pair.key);
    if (fits.error().text == said) continue;
    said = fits.error().text;
    log_.error("{} -- the certificate from before stays in use", said);
  }
  return now;
}

void CertificateStore::files_changed() {
  auto now = read_fitting();
  if (now == files_) return;
  files_ = std::move(now);
  renewed_();
}

}  // namespace dovetail::service
