// Removing and renaming folders; see namespace.h.
// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "common/base/text.h"
#include "mda/storage/list/namespace.h"

namespace dovetail::mda {

namespace {

// Taken out of sight first, under the name the incumbent clears away too, so that a crash leaves no half folder.
constexpr std::string_view kTrash = "..DOVECOT-TRASHED";

Result<void> remove_tree(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) return temporary(format("remove {}: {}", path, error.message()));
  return {};
}

}  // namespace

// Everywhere a folder may have files of its own.
std::vector<const std::string*> Namespace::roots() const {
  std::vector<const std::string*> all = {&location_.root};
  if (location_.control != location_.root) all.push_back(&location_.control);
  if (location_.index != location_.root && location_.index != location_.control)
    all.push_back(&location_.index);
  return all;
}

Result<void> Namespace::remove(std::string_view storage_name) const {
  for (const std::string* root : roots()) {
    std::string path = directory(*root, storage_name);
    if (location_.layout == Layout::fs) {
      // Only this mailbox: folders below it stay.
      for (const char* part : {"cur", "new", "tmp"}) {
        if (auto done = remove_tree(path + "/" + part); !done) return done;
      }
      auto entries = base::list_directory(path);
      for (const std::string& entry : entries ? *entries : std::vector<std::string>()) {
        if (entry.starts_with("dovecot") || entry.starts_with("dovetail"))
          unlink((path + "/" + entry).c_str());
      }
      rmdir(path.c_str());
      continue;
    }
    std::string trash = format("{}/{}", *root, kTrash);
    for (int round = 0; round < 3; ++round) {
      if (::rename(path.c_str(), trash.c_str()) == 0 || errno == ENOENT) break;
      if (errno != ENOTEMPTY && errno != EEXIST) return errno_error("rename " + path, errno);
      if (auto done = remove_tree(trash); !done) return done;
    }
    if (auto done = remove_tree(trash); !done) return done;
  }
  return {};
}

Result<void> Namespace::rename(std::string_view from, std::string_view to) const {
  std::vector<std::pair<std::string, std::string>> pairs = {{std::string(from), std::string(to)}};
  if (location_.layout == Layout::maildir_plus_plus) {
    auto names = storage_names();
    if (!names) return names.error();
    std::string below = std::string(from) + ".";
    for (const std::string& name : *names) {
      if (name.starts_with(below))
        pairs.emplace_back(name, format("{}.{}", to, name.substr(below.size())));
    }
  }
  for (const std::string* root : roots()) {
    for (const auto& [old_name, new_name] : pairs) {
      std::string target = directory(*root, new_name);
      struct stat st {};
      if (location_.layout == Layout::fs) {
        if (auto made = base::make_directories(std::string(base::dirname(target)), 0700); !made)
          return made;
        rmdir(target.c_str());  // a directory that only holds a place
      } else if (lstat(target.c_str(), &st) == 0 && *root == location_.root) {
        return permanent("[ALREADYEXISTS] Target mailbox already exists");
      }
      if (::rename(directory(*root, old_name).c_str(), target.c_str()) != 0 && errno != ENOENT) {
        return errno_error("rename " + directory(*root, old_name), errno);
      }
    }
  }
  return {};
}

}  // namespace dovetail::mda
