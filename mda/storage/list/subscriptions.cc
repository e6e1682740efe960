// See subscriptions.h.
// SPDX-License-Identifier: Apache-2.0
#include "mda/storage/list/subscriptions.h"

#include <algorithm>
#include <utility>

#include "common/base/file.h"
#include "common/base/text.h"
#include "mda/storage/maildir/dotlock.h"

namespace dovetail::mda {

namespace {

constexpr std::string_view kVersion2 = "V\t2\n";

struct TabEscape {
  char raw, letter;
};
constexpr TabEscape tab_escapes[] = {
    {'\001', '1'}, {'\t', 't'}, {'\r', 'r'}, {'\n', 'n'}, {'\0', '0'}};

std::string tab_escape(std::string_view text) {
  std::string out;
  for (char c : text) {
    auto known = std::find_if(std::begin(tab_escapes), std::end(tab_escapes),
                              [c](TabEscape e) { return e.raw == c; });
    if (known == std::end(tab_escapes))
      out += c;
    else
      (out += '\001') += known->letter;
  }
  return out;
}

std::string tab_unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\001' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    char letter = text[++i];
    auto known = std::find_if(std::begin(tab_escapes), std::end(tab_escapes),
                              [letter](TabEscape e) { return e.letter == letter; });
    out += known == std::end(tab_escapes) ? letter : known->raw;
  }
  return out;
}

}  // namespace

SubscriptionFile parse_subscriptions(std::string_view text, char storage_separator) {
  SubscriptionFile file;
  file.version = text.starts_with(kVersion2) ? 2 : text.empty() ? 2 : 1;
  if (text.starts_with(kVersion2)) text.remove_prefix(kVersion2.size());
  for (std::string_view line : base::split(text, '\n')) {
    if (line.empty()) continue;
    // A head below blank lines: kept as a name it would be the head when the file is written again.
    if (file.version == 1 && line == kVersion2.substr(0, kVersion2.size() - 1)) continue;
    std::string name;
    if (file.version == 1) {
      name = std::string(line);
    } else {
      bool first = true;
      for (std::string_view part : base::split(line, '\t')) {
        if (!std::exchange(first, false)) name += storage_separator;
        name += tab_unescape(part);
      }
    }
    if (std::find(file.names.begin(), file.names.end(), name) == file.names.end())
      file.names.push_back(std::move(name));
  }
  return file;
}

std::string format_subscriptions(const SubscriptionFile& file, char storage_separator) {
  std::string text = file.version == 2 ? "V\t2\n\n" : "";
  for (const std::string& name : file.names) {
    if (file.version == 1) {
      text += name;
    } else {
      bool first = true;
      for (std::string_view part : base::split(name, storage_separator)) {
        if (!first) text += '\t';
        first = false;
        text += tab_escape(part);
      }
    }
    text += '\n';
  }
  return text;
}

Result<SubscriptionFile> read_subscriptions(const std::string& path, char storage_separator) {
  if (!base::file_exists(path)) return SubscriptionFile();
  auto text = base::read_file(path, size_t{16} << 20);
  if (!text) return text.error();
  return parse_subscriptions(*text, storage_separator);
}

Result<bool> change_subscription(const std::string& path, const std::string& name, bool on,
                                 char storage_separator, const std::string& hostname, mode_t mode) {
  auto lock = Dotlock::try_lock(path, hostname);
  if (!lock) return lock.error();
  if (!*lock) return false;
  auto file = read_subscriptions(path, storage_separator);
  if (!file) return file.error();
  auto known = std::find(file->names.begin(), file->names.end(), name);
  if (on == (known != file->names.end())) return true;
  if (on)
    file->names.push_back(name);
  else
    file->names.erase(known);
  auto written = base::replace_file(path, format_subscriptions(*file, storage_separator), mode);
  if (!written) return written.error();
  return true;
}

}  // namespace dovetail::mda
