// Certificate and key files as they were at one time, read by a parent that may, for a child that no longer can.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/secret.h"

namespace dovetail::service {

class FileSnapshot {
 public:
  // What cannot be read is not in it: whoever needs the file finds out why.
  static FileSnapshot read(const std::set<std::string>& paths);
  static Result<FileSnapshot> decode(std::string_view bytes);
  Secret encode() const;

  // From the snapshot, else from the disk.
  Result<Secret> content(const std::string& path) const;
  bool has_all(const std::vector<std::string>& paths) const;
  // These files as the other one has them.
  void take_from(const FileSnapshot& other, const std::vector<std::string>& paths);
  // Those of the files that one process needs.
  FileSnapshot only(const std::set<std::string>& paths) const;
  bool operator==(const FileSnapshot&) const = default;

 private:
  std::map<std::string, Secret> files_;
};

}  // namespace dovetail::service
