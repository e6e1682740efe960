// SPDX-License-Identifier: Apache-2.0
#include "common/service/file_snapshot.h"

#include <algorithm>

#include "common/base/file.h"
#include "common/base/text.h"

namespace dovetail::service {

namespace {

constexpr size_t kMostOfOne = size_t{1} << 24;

// "LENGTH:BYTES", as two follow each other for every file.
void put_counted(std::string& out, std::string_view text) {
  out += format("{}:", text.size());
  out += text;
}

std::optional<std::string_view> take_counted(std::string_view& rest) {
  auto colon = rest.find(':');
  if (colon == rest.npos) return std::nullopt;
  auto size = base::parse_number<size_t>(rest.substr(0, colon));
  if (!size || *size > rest.size() - colon - 1) return std::nullopt;
  auto text = rest.substr(colon + 1, *size);
  rest.remove_prefix(colon + 1 + *size);
  return text;
}

}  // namespace

FileSnapshot FileSnapshot::read(const std::set<std::string>& paths) {
  FileSnapshot made;
  for (auto& path : paths) {
    auto text = base::read_file(path, kMostOfOne);
    if (text) made.files_.emplace(path, Secret(std::move(*text)));
  }
  return made;
}

Secret FileSnapshot::encode() const {
  size_t size = 0;
  for (auto& [path, content] : files_) size += path.size() + content.reveal().size() + 48;
  std::string bytes;
  bytes.reserve(size);
  for (auto& [path, content] : files_) {
    put_counted(bytes, path);
    put_counted(bytes, content.reveal());
  }
  return Secret(std::move(bytes));
}

Result<FileSnapshot> FileSnapshot::decode(std::string_view bytes) {
  FileSnapshot made;
  while (!bytes.empty()) {
    auto path = take_counted(bytes);
    auto content = path ? take_counted(bytes) : std::nullopt;
    if (!content) return permanent("files from the parent are damaged");
    made.files_.emplace(*path, Secret(*content));
  }
  return made;
}

bool FileSnapshot::has_all(const std::vector<std::string>& paths) const {
  return std::all_of(paths.begin(), paths.end(),
                     [this](auto& path) { return files_.contains(path); });
}

void FileSnapshot::take_from(const FileSnapshot& other, const std::vector<std::string>& paths) {
  for (auto& path : paths) files_.insert_or_assign(path, other.files_.at(path));
}

FileSnapshot FileSnapshot::only(const std::set<std::string>& paths) const {
  FileSnapshot some;
  for (auto& path : paths) {
    if (auto known = files_.find(path); known != files_.end()) some.files_.insert(*known);
  }
  return some;
}

Result<Secret> FileSnapshot::content(const std::string& path) const {
  auto known = files_.find(path);
  if (known != files_.end()) return known->second;
  auto text = base::read_file(path, kMostOfOne);
  if (!text) return text.error();
  return Secret(std::move(*text));
}

}  // namespace dovetail::service
