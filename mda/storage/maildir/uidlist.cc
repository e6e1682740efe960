// The words of dovecot-uidlist; see uidlist.h. Reading and writing the file stand in uidlist_file.cc.
// SPDX-License-Identifier: Apache-2.0
#include "mda/storage/maildir/uidlist.h"

#include "common/base/text.h"

namespace dovetail::mda {

namespace {

// Old lists: "1 UIDVALIDITY NEXTUID", Courier's included.
Result<UidlistHeader> parse_uidlist_v1(const std::vector<std::string_view>& words) {
  UidlistHeader header;
  header.version = 1;
  if (words.size() < 3) return permanent("(version 1)");
  header.uid_validity = base::parse_number<uint32_t>(words[1]).value_or(0);
  header.next_uid = base::parse_number<Uid>(words[2]).value_or(0);
  // Zero is neither (RFC 3501 2.3.1.1), as in lists of version 3.
  if (header.uid_validity == 0 || header.next_uid == 0) return permanent("(version 1)");
  return header;
}

}  // namespace

std::optional<std::string> uidlist_field(std::string_view fields, char letter) {
  for (std::string_view word : base::words(fields, " ")) {
    if (word.front() == letter) return std::string(word.substr(1));
  }
  return std::nullopt;
}

Result<UidlistHeader> parse_uidlist_header(std::string_view line) {
  std::vector<std::string_view> words = base::words(line, " ");
  auto version = words.empty() ? std::nullopt : base::parse_number<unsigned>(words[0]);
  if (!version) return permanent("(invalid version number)");
  if (*version == 1) return parse_uidlist_v1(words);
  if (*version != 3) return permanent(format("(unsupported version {})", *version));
  UidlistHeader header;
  for (size_t i = 1; i < words.size(); ++i) {
    std::string_view value = words[i].substr(1);
    switch (words[i].front()) {
      case 'V':
        header.uid_validity = base::parse_number<uint32_t>(value).value_or(0);
        break;
      case 'N':
        header.next_uid = base::parse_number<Uid>(value).value_or(0);
        break;
      case 'G':
        header.guid = std::string(value);
        break;
      default:
        header.others += format(" {}", words[i]);
    }
  }
  if (header.uid_validity == 0) return permanent("(no UIDVALIDITY)");
  if (header.next_uid == 0) return permanent("(no next UID)");
  return header;
}

std::string format_uidlist_header(const UidlistHeader& header) {
  return format("3 V{} N{} G{}{}\n", header.uid_validity, header.next_uid, header.guid,
                header.others);
}

std::optional<UidlistEntry> parse_uidlist_line(std::string_view line, unsigned version) {
  size_t digits = std::min(line.find(' '), line.size());
  auto uid = base::parse_number<Uid>(line.substr(0, digits));
  if (!uid || *uid == 0 || digits == line.size()) return std::nullopt;
  UidlistEntry entry;
  entry.uid = *uid;
  std::string_view rest = line.substr(digits + 1);
  if (version == 3) {
    // Fields end at " :"; without any the name follows at once. Names hold no blanks before the colon.
    size_t colon = rest.starts_with(':') ? 0 : rest.find(" :");
    if (colon == std::string_view::npos) return std::nullopt;
    entry.fields = std::string(rest.substr(0, colon));
    rest.remove_prefix(colon + (colon == 0 ? 1 : 2));
  }
  // A suffix does not belong here; Courier's lists may have one.
  entry.name = std::string(rest.substr(0, rest.find(':')));
  if (entry.name.empty() || entry.name.find('/') != std::string::npos) return std::nullopt;
  return entry;
}

std::string format_uidlist_line(const UidlistEntry& entry) {
  return format("{} {}{}:{}\n", entry.uid, entry.fields, entry.fields.empty() ? "" : " ",
                entry.name);
}

}  // namespace dovetail::mda
