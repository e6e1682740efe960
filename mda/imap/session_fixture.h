// For the tests of sessions: a store on a Maildir in a temporary directory, filled with tests/data/message.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "common/net/pool.h"
#include "mda/imap/session.h"

namespace dovetail::mda::imap {

class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// The Maildir is DIRECTORY/Maildir. Settings: separator, mailboxes (see session_dialogue_test.cc).
StoreSettings store_settings(const std::string& directory,
                             const std::map<std::string, std::string>& settings);
// Saves the named fixtures ("m1 m3") with the flags they have in the recorded sessions.
Task<> save_fixtures(Mailbox& inbox, std::string_view names);

}  // namespace dovetail::mda::imap
