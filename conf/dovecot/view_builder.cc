// Filters laid over each other, $names and <files expanded.
// SPDX-License-Identifier: Apache-2.0
#include "conf/dovecot/view_builder.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "common/base/file.h"
#include "common/base/text.h"
#include "conf/dovecot/filters.h"
#include "conf/dovecot/schema.h"
#include "conf/dovecot/values.h"

namespace dovetail::conf::dovecot {

namespace {

constexpr unsigned kMaxVariableDepth = 16;

}  // namespace

std::string value_file_path(const Tree& tree, const Assignment& setting) {
  std::string path = setting.value;
  if (!path.empty() && path[0] != '/' && setting.file < tree.files().size()) {
    auto& file = tree.files()[setting.file];
    if (file.find('/') != std::string::npos) path = format("{}/{}", base::dirname(file), path);
  }
  return path;
}

Result<std::string> read_value_file(const Tree& tree, const Assignment& setting) {
  auto path = value_file_path(tree, setting);
  auto fd = base::open_file(path, O_RDONLY);
  if (!fd) {
    int why = path.empty() ? ENOENT : errno;
    return config_error(
        format("{}: Can't open file {}: {}", setting.path, path, std::strerror(why)));
  }
  return base::read_all(fd->get(), 16 << 20);
}

Error ViewBuilder::at(const Assignment& setting, std::string_view why) const {
  return config_error(
      format("Error in configuration file {}: {}", tree_.where(setting.file, setting.line), why));
}

Result<void> ViewBuilder::collect(const std::vector<std::size_t>& matching) {
  chosen_.clear();
  const Filter* before = nullptr;
  for (auto index : matching) {
    auto& filter = tree_.filters()[index];
    bool may_repeat =
        filter.command_line || !before || before->command_line || filter_superset(filter, *before);
    for (auto& setting : filter.settings) {
      auto [place, fresh] = chosen_.emplace(setting.path, &setting);
      if (fresh || may_repeat || tree_.files()[place->second->file] == "-o") continue;
      auto& file = tree_.files()[filter.file];
      return config_error(format("Conflict in setting {} found from filter at {}:{}", setting.path,
                                 file, filter.line));
    }
    before = &filter;
  }
  return {};
}

// Built-in elements first, then those of the global filter, then what filters add.
void ViewBuilder::collect_lists(const std::vector<std::size_t>& matching, View& view) const {
  auto add = [&](const std::string& list, const std::string& element) {
    auto& names = view.lists_[list];
    if (std::find(names.begin(), names.end(), element) == names.end()) names.push_back(element);
  };
  for (auto& service : builtin_elements("service")) {
    add("service", service);
    for (std::string_view kind : {"unix_listener", "fifo_listener", "inet_listener"}) {
      auto list = format("service/{}/{}", service, kind);
      for (auto& listener : builtin_elements(list)) add(list, listener);
    }
  }
  for (auto index = matching.rbegin(); index != matching.rend(); ++index) {
    auto& filter = tree_.filters()[*index];
    for (auto& [list, elements] : filter.lists) {
      view.lists_.try_emplace(list);
      for (auto& element : elements) add(list, element);
    }
  }
  // Elements of plugin { } and dict { }: those of the narrowest filter come first.
  for (auto index : matching) {
    for (auto& setting : tree_.filters()[index].settings) {
      auto place = place_of(setting.path);
      if (!place || !place->map_element) continue;
      auto known = std::any_of(view.map_order_.begin(), view.map_order_.end(),
                               [&](auto& element) { return element.first == setting.path; });
      if (!known) view.map_order_.emplace_back(setting.path, std::string());
    }
  }
}

Result<std::string> ViewBuilder::variable(std::string_view name, unsigned depth) const {
  if (name.substr(0, 4) == "ENV:") {
    auto value = std::getenv(std::string(name.substr(4)).c_str());
    return std::string(value ? value : "");
  }
  auto row = name.find('/') == std::string_view::npos ? find_setting("", name) : nullptr;
  bool plain = row && row->type != Type::named_list && row->type != Type::unnamed_list &&
               row->type != Type::map;
  if (!plain) return config_error(format("Unknown variable: ${}", name));
  auto found = chosen_.find(name);
  if (found == chosen_.end()) return std::string(default_of("", *row));
  if (depth >= kMaxVariableDepth)
    return config_error(format("Variable refers to itself: ${}", name));
  return value_of(*found->second, depth + 1);
}

Result<std::string> ViewBuilder::expand(const Assignment& setting, unsigned depth) const {
  std::string out;
  bool first = true;
  for (auto word : base::split(setting.value, ' ')) {
    if (!first) out += ' ';
    first = false;
    if (word.empty() || word[0] != '$') {
      out += word;
      continue;
    }
    auto value = variable(word.substr(1), depth);
    if (!value) return value.error();
    out += *value;
  }
  return out;
}

// The text of one setting; an error has no file and line yet.
Result<std::string> ViewBuilder::value_of(const Assignment& setting, unsigned depth) const {
  if (raw_) return setting.from_file ? "<" + setting.value : setting.value;
  if (setting.from_file) return read_value_file(tree_, setting);
  if (!setting.expand) return setting.value;
  return expand(setting, depth);
}

Result<std::shared_ptr<const View>> ViewBuilder::build(const std::vector<std::size_t>& matching) {
  if (auto collected = collect(matching); !collected) return collected.error();
  auto view = std::make_shared<View>();
  view->raw_ = raw_;
  collect_lists(matching, *view);
  for (auto& [path, setting] : chosen_) {
    auto value = value_of(*setting, 0);
    if (!value) return at(*setting, value.error().text);
    auto place = place_of(path);
    if (!raw_ && (setting->expand || setting->from_file) && place && place->row) {
      auto checked = canonical_value(place->row->type, place->row->choices, *value);
      if (!checked) return at(*setting, checked.error().text);
      *value = *checked;
    }
    view->values_.emplace(path, std::move(*value));
  }
  std::shared_ptr<const View> done = std::move(view);
  return done;
}

}  // namespace dovetail::conf::dovecot
