// See control_files.h.
// SPDX-License-Identifier: Apache-2.0
#include "mda/storage/maildir/control_files.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "mda/storage/maildir/dotlock.h"
#include "mda/storage/maildir/filename.h"

namespace dovetail::mda {

namespace {

constexpr std::string_view kUidValidity = "dovecot-uidvalidity";

// The value in the name of the newest "dovecot-uidvalidity.<8 hex digits>"; its path too.
std::pair<uint32_t, std::string> newest_uid_validity_name(const std::string& directory) {
  uint32_t newest = 0;
  std::string name;
  auto names = base::list_directory(directory);
  if (!names) return {0, ""};
  for (const std::string& entry : *names) {
    if (entry.size() != kUidValidity.size() + 9 || !entry.starts_with(kUidValidity)) continue;
    auto value =
        base::parse_number<uint32_t>(std::string_view(entry).substr(kUidValidity.size() + 1), 16);
    if (value && *value >= newest) {
      newest = *value;
      name = entry;
    }
  }
  return {newest, name};
}

}  // namespace

Result<std::vector<std::string>> read_maildir_keywords(const std::string& path) {
  std::vector<std::string> names;
  if (!base::file_exists(path)) return names;
  auto text = base::read_file(path, 65536);
  if (!text) return text.error();
  for (std::string_view line : base::split(*text, '\n')) {
    auto [number, name] = base::cut(line, ' ');
    auto index = base::parse_number<unsigned>(number);
    if (!index || *index >= kKeywordLetters || !name || name->empty()) continue;
    if (names.size() <= *index) names.resize(*index + 1);
    names[*index] = std::string(*name);
  }
  return names;
}

Result<std::optional<std::vector<std::string>>> add_maildir_keyword(const std::string& path,
                                                                    const std::string& name,
                                                                    const std::string& hostname,
                                                                    mode_t mode) {
  auto lock = Dotlock::try_lock(path, hostname);
  if (!lock) return lock.error();
  if (!*lock) return std::optional<std::vector<std::string>>();
  auto names = read_maildir_keywords(path);
  if (!names) return names.error();
  size_t free = names->size();
  for (size_t i = 0; i < names->size(); ++i) {
    if (base::iequals((*names)[i], name)) return std::optional(std::move(*names));
    if ((*names)[i].empty() && free == names->size()) free = i;
  }
  if (free >= kKeywordLetters) return std::optional(std::move(*names));
  if (free == names->size()) names->emplace_back();
  (*names)[free] = name;
  std::string text;
  for (size_t i = 0; i < names->size(); ++i) {
    if (!(*names)[i].empty()) text += format("{} {}\n", i, (*names)[i]);
  }
  if (auto done = base::replace_file(path, text, mode); !done) return done.error();
  return std::optional(std::move(*names));
}

Result<uint32_t> next_uid_validity(const std::string& directory, mode_t mode) {
  std::string file = format("{}/{}", directory, kUidValidity);
  uint32_t last = 0;
  if (auto text = base::read_file(file, 64))
    last = base::parse_number<uint32_t>(base::trim(*text), 16).value_or(0);
  // Renaming the empty file from one value to the next is the step only one process can do.
  for (int round = 0; round < 100; ++round) {
    auto [named, name] = newest_uid_validity_name(directory);
    last = std::max(last, named);
    uint32_t next = std::max(last + 1, static_cast<uint32_t>(base::wall_now().seconds));
    if (last > 0 && !name.empty()) next = last + 1;
    std::string fresh = format("{}.{:08x}", file, next);
    bool won = false;
    if (!name.empty()) {
      won = ::rename(format("{}/{}", directory, name).c_str(), fresh.c_str()) == 0;
      if (!won && errno != ENOENT) return errno_error("rename " + fresh, errno);
    } else {
      Fd fd(::open(fresh.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0444));
      won = static_cast<bool>(fd);
      if (!won && errno != EEXIST) return errno_error("create " + fresh, errno);
    }
    if (!won) continue;
    if (auto done = base::replace_file(file, format("{:08x}", next), mode); !done)
      return done.error();
    return next;
  }
  return temporary(format("{}: too many others change it", file));
}

}  // namespace dovetail::mda
