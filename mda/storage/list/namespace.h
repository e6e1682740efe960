// One namespace: its names, where they lie on disk, and what can be done with folders there; blocking.
// "Name" is UTF-8 with the namespace's prefix; "storage name" is without it, parts separated by the layout's separator,
// in mUTF-7 (unless :UTF-8). INBOX is always "INBOX".
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mda/storage/list/location.h"
#include "mda/storage/mailbox_list.h"
#include "mda/storage/maildir/folder.h"

namespace dovetail::mda {

class Namespace {
 public:
  static Result<Namespace> create(const NamespaceSettings& settings, const StoreSettings& store);

  const NamespaceSettings& settings() const { return settings_; }
  char separator() const { return separator_; }
  const Location& location() const { return location_; }

  // Is this name one of ours? How many characters of it our prefix takes; nullopt: no.
  std::optional<size_t> prefix_match(std::string_view name) const;
  // The texts of a refusal are IMAP's.
  Result<void> valid_name(std::string_view name) const;
  Result<std::string> storage_name(std::string_view name) const;
  std::string name_of(std::string_view storage_name) const;

  FolderPaths paths(std::string_view name, std::string_view storage_name) const;
  bool exists_on_disk(std::string_view storage_name) const;
  // Known to the settings with auto = create or subscribe, or INBOX.
  bool exists_always(std::string_view name) const;
  const MailboxSettings* mailbox_settings(std::string_view name) const;
  Result<std::vector<std::string>> storage_names()
      const;  // of the folders there, INBOX not among them
  std::string subscriptions_path() const {
    return location_.control + "/" + location_.subscriptions;
  }

  Result<void> remove(std::string_view storage_name) const;
  Result<void> rename(std::string_view from, std::string_view to) const;  // with all below it

 private:
  std::string directory(const std::string& root, std::string_view storage_name) const;
  void add_fs_names(const std::string& directory, const std::string& prefix, int depth,
                    std::vector<std::string>& names) const;
  std::vector<const std::string*> roots() const;

  NamespaceSettings settings_;
  Location location_;
  char separator_ = '.';
};

}  // namespace dovetail::mda
