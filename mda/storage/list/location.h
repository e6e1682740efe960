// mail_location: "maildir:/path:LAYOUT=fs:INDEX=...". Formats and layouts that are not done are refused by name.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"

namespace dovetail::mda {

enum class Layout { maildir_plus_plus, fs };

struct Location {
  Layout layout = Layout::maildir_plus_plus;
  std::string root;
  std::string inbox;             // INBOX=; else the root
  std::string control, index;    // CONTROL=, INDEX=; else the root
  std::string directory_name;    // DIRNAME=
  bool index_in_memory = false;  // INDEX=MEMORY
  bool utf8 = false;             // UTF-8: names are not mUTF-7 on disk
  bool no_noselect = false;      // NO-NOSELECT
  std::string subscriptions = "subscriptions";
  char storage_separator() const { return layout == Layout::fs ? '/' : '.'; }
};

// `home` stands for ~/. An empty text looks for ~/Maildir.
Result<Location> parse_location(std::string_view text, std::string_view home);

}  // namespace dovetail::mda
