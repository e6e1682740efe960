// SPDX-License-Identifier: Apache-2.0
#include "mda/imap/flag_args.h"

#include "common/base/text.h"
#include "mda/storage/types.h"

namespace dovetail::mda::imap {

namespace {

uint8_t system_flag(std::string_view upper_name) {
  if (upper_name == "\\ANSWERED") return kAnswered;
  if (upper_name == "\\FLAGGED") return kFlagged;
  if (upper_name == "\\DELETED") return kDeleted;
  if (upper_name == "\\SEEN") return kSeen;
  if (upper_name == "\\DRAFT") return kDraft;
  return 0;
}

}  // namespace

Result<FlagArgs> parse_flag_args(const Args& list, size_t first, size_t max_keyword_length) {
  FlagArgs result;
  for (size_t i = first; i < list.size(); ++i) {
    const auto& arg = list[i];
    if (!arg.is_atom()) return permanent("Flags list contains non-atoms.");
    if (!arg.text.starts_with('\\')) {
      if (arg.text.size() > max_keyword_length) return permanent("Keyword name too long");
      if (arg.text.find_first_of("%*\"\\]") != std::string::npos) {
        return permanent(format("Invalid keyword name '{}'", arg.text));
      }
      result.keywords.push_back(arg.text);
      continue;
    }
    auto name = base::upper(arg.text);
    auto flag = system_flag(name);
    if (flag == 0) return permanent(format("Invalid system flag {}", name));
    result.flags |= flag;
  }
  return result;
}

}  // namespace dovetail::mda::imap
