// The Tree: what was written, filter by filter; evaluated into Views, packed for a child and unpacked there.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "common/base/file.h"
#include "common/base/text.h"
#include "conf/dovecot/checks.h"
#include "conf/dovecot/filters.h"
#include "conf/dovecot/parser.h"
#include "conf/dovecot/settings.h"
#include "conf/dovecot/view_builder.h"

namespace dovetail::conf::dovecot {

Tree::Tree() {
  filters_.emplace_back();
}

std::uint32_t Tree::add_file(const std::string& path) {
  auto found = std::find(files_.begin(), files_.end(), path);
  if (found == files_.end()) found = files_.insert(files_.end(), path);
  return static_cast<std::uint32_t>(found - files_.begin());
}

std::string Tree::where(std::uint32_t file, std::uint32_t line) const {
  return format("{} line {}", file < files_.size() ? files_[file] : "-o", line);
}

const Assignment* Tree::find(const Filter& filter, std::string_view path) {
  auto found = std::find_if(filter.settings.begin(), filter.settings.end(),
                            [&](const Assignment& setting) { return setting.path == path; });
  return found == filter.settings.end() ? nullptr : &*found;
}

Result<std::shared_ptr<const View>> Tree::view(const Selector& who) const {
  auto matching = matching_filters(filters_, who);
  auto cached = cache_.find(matching);
  if (cached != cache_.end()) return cached->second;
  ViewBuilder builder(*this, false);
  auto made = builder.build(matching);
  if (made) cache_.emplace(std::move(matching), *made);
  return made;
}

Result<std::shared_ptr<const View>> Tree::raw_view(const Selector& who) const {
  ViewBuilder builder(*this, true);
  return builder.build(matching_filters(filters_, who));
}

std::optional<Secret> Tree::external_file(std::string_view path) const {
  auto found = external_.find(path);
  if (found == external_.end()) return std::nullopt;
  return found->second;
}

std::vector<Unsupported> Tree::unsupported() const {
  std::vector<Unsupported> found;
  for (auto& filter : filters_) {
    for (auto& setting : filter.settings) {
      auto place = place_of(setting.path);
      if (!place || !place->row || place->row->act == Act::supported) continue;
      if (setting.value == default_of(place->block, *place->row)) continue;
      Unsupported one{setting.path, setting.file < files_.size() ? files_[setting.file] : "-o",
                      setting.line, Unsupported::Action::ignore};
      if (place->row->act == Act::defer) one.action = Unsupported::Action::defer;
      if (place->row->act == Act::fatal) one.action = Unsupported::Action::fatal;
      found.push_back(std::move(one));
    }
  }
  return found;
}

Result<Tree> load(const std::string& path, const std::vector<Override>& overrides) {
  Tree tree;
  Parser parser(tree);
  if (auto parsed = parser.parse_file(path); !parsed) return parsed.error();
  for (auto& override : overrides) {
    if (auto applied = parser.apply_override(override); !applied) return applied.error();
  }
  auto problem = parser.unclosed();
  if (problem.empty()) problem = check_tree(tree).fatal;
  if (!problem.empty())
    return config_error(format("Error in configuration file {}: {}", path, problem));
  return tree;
}

}  // namespace dovetail::conf::dovecot
