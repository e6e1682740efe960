// The certificates and keys that a parent's configuration names. It alone can read them at any time: it looks after the
// files and has them ready for its processes, always as pairs that fit together. A new pair that does not is one error, and
// the one before stays in use.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "common/base/log.h"
#include "common/base/secret.h"
#include "common/service/file_snapshot.h"
#include "common/service/file_watch.h"

namespace dovetail::service {

// Files whose contents, one after the other, are a certificate with its chain, and those that are its key.
struct CertificatePair {
  std::vector<std::string> certificate, key;
  Secret password{};
};

class CertificateStore {
 public:
  // renewed: files() has changed after configure().
  CertificateStore(Loop& loop, Logger log, std::function<void()> renewed);
  // At start and at each reload. `others` are files without a key (trusted roots).
  void configure(std::vector<CertificatePair> pairs, const std::set<std::string>& others);
  // What can be read of all of them. A pair that never fitted is in it as it is: its user says what that means.
  const FileSnapshot& files() const { return files_; }
  // The watch's, public for tests.
  void look() { watch_.look(); }

 private:
  FileSnapshot read_fitting();
  void files_changed();

  Logger log_;
  std::function<void()> renewed_;
  std::vector<CertificatePair> pairs_;
  std::set<std::string> paths_;
  FileSnapshot files_;
  FileWatch watch_;
};

}  // namespace dovetail::service
