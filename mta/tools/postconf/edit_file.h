// Rewrites a configuration file line by line: comments and empty lines stay where they are, logical lines are handed over
// one by one with their physical lines.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace dovetail::mta::postconf {

struct FileEntry {
  std::string text;  // logical line
  std::vector<std::string>
      lines;  // its physical lines, newlines included, comments between them not
};

struct FileEdit {
  // Called for each logical line with how it shall go on.
  enum class Action { keep, remove, comment_out, replace_now, replace_behind };
  std::function<Action(FileEntry&)> decide;
  // For the replace actions: the new lines, asked for when the whole entry has been read. replace_behind puts them behind the
  // comments that follow the entry.
  std::function<std::string(const FileEntry&)> replacement;
  // Text for the end of the file.
  std::function<std::string()> append;
};

// Ends the program if the file cannot be read or written. The new file takes the old one's place at once.
void edit_file(const std::string& path, const FileEdit& edit);

}  // namespace dovetail::mta::postconf
