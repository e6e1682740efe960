// doveconf's output.
// SPDX-License-Identifier: Apache-2.0
#include "mda/doveconf/dump.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "common/base/text.h"
#include "conf/dovecot/checks.h"
#include "conf/dovecot/filters.h"
#include "conf/dovecot/schema.h"
#include "mda/doveconf/secrets.h"

namespace dovetail::mda::doveconf {

namespace {

using conf::dovecot::Filter;
using conf::dovecot::SettingRow;
using conf::dovecot::Tree;
using conf::dovecot::Type;
using conf::dovecot::View;
namespace cd = conf::dovecot;

struct Entry {
  std::string path, value;
};
using Entries = std::vector<Entry>;

bool is_list_type(Type type) {
  return type == Type::named_list || type == Type::unnamed_list;
}

// The element's own name stands in the block's head, not among its settings.
bool is_name_key(std::string_view block, std::string_view key) {
  if (block == "unix_listener" || block == "fifo_listener") return key == "path";
  if (block == "metric") return key == "metric_name";
  return key == "name" && block != "passdb" && block != "userdb";
}

bool row_visible(const SettingRow& row, const DumpWhat& what, bool set) {
  if (row.type == Type::alias) return false;
  if ((row.readers & what.readers) == 0) return false;
  if ((row.flags & cd::kUnset) != 0 && !set) return false;
  if ((row.flags & cd::kHidden) != 0 && !set && what.scope == Scope::all) return false;
  return (row.flags & cd::kPigeonhole) == 0 || set || cd::pigeonhole_installed();
}

class Collector {
 public:
  Collector(const View& view, const DumpWhat& what) : view_(view), what_(what) {}

  Entries collect() {
    for (auto& row : cd::settings_of("")) {
      if (!row_visible(row, what_, view_.is_set(row.name))) continue;
      if (row.type == Type::map) {
        map(row.name);
      } else if (is_list_type(row.type)) {
        list(std::string(row.name), row);
      } else {
        scalar(row);
      }
    }
    return std::move(entries_);
  }

 private:
  void add(std::string path, std::string value) {
    entries_.push_back({std::move(path), std::move(value)});
  }

  void scalar(const SettingRow& row) {
    auto value = view_.get(row.name);
    bool set = view_.is_set(row.name);
    bool changed = value != cd::default_of("", row);
    bool shown = what_.scope == Scope::all || what_.scope == Scope::hidden || changed;
    if (shown || (set && what_.scope == Scope::written))
      add(std::string(row.name), std::move(value));
  }

  void map(std::string_view name) {
    auto elements = name == "plugin" ? view_.plugins() : view_.dicts();
    if (what_.flat && view_.has_block(name)) add(std::string(name), "");
    for (auto& [key, value] : elements) add(format("{}/{}", name, key), value);
  }

  void list(const std::string& path, const SettingRow& row) {
    auto elements = view_.names(path);
    if (path == "service" && !cd::pigeonhole_installed()) {
      std::erase_if(elements, [&](auto& name) {
        return name.rfind("managesieve", 0) == 0 && !mentioned(name);
      });
    }
    if (elements.empty()) return;
    if (what_.flat) add(path, base::join(elements, " "));
    for (auto& element : elements) block(row.name, format("{}/{}", path, element), element);
  }

  bool mentioned(const std::string& service) const {
    for (auto& row : cd::settings_of("service")) {
      if (view_.is_set(format("service/{}/{}", service, row.name))) return true;
    }
    return false;
  }

  void block(std::string_view kind, const std::string& path, const std::string& element) {
    bool only_written =
        !what_.flat && (what_.scope == Scope::changed || what_.scope == Scope::written);
    if (only_written && kind == "service" && !view_.any_set_below(path + "/")) return;
    for (auto& row : cd::settings_of(kind)) {
      if (row.type == Type::alias) continue;
      auto key = format("{}/{}", path, row.name);
      if (is_list_type(row.type)) {
        list(key, row);
        continue;
      }
      bool set = view_.is_set(key);
      if ((row.flags & cd::kUnset) != 0 && !set) continue;
      if (is_name_key(kind, row.name)) {
        // Only the flat form says the name again; an unnamed block has none.
        bool numbered = base::parse_number<unsigned>(element).has_value();
        if (what_.flat && !numbered) add(key, cd::unescape_name(element));
        if (what_.flat && numbered && what_.scope != Scope::changed) add(key, "");
        continue;
      }
      bool everything = what_.scope == Scope::all || what_.scope == Scope::hidden;
      bool unnamed = kind == "passdb" || kind == "userdb";
      // Most settings of most blocks are not written; what they would be need not be known then.
      bool by_value = what_.flat || unnamed;
      if (!everything && !by_value && !shown_if_written(kind, row, set)) continue;
      auto value = view_.get(key);
      if (everything || !by_value || shown_in_block(kind, row, value, set))
        add(key, std::move(value));
    }
  }

  // A namespace always says where it is and how its names begin.
  bool shown_if_written(std::string_view kind, const SettingRow& row, bool set) const {
    return set || (kind == "namespace" && (row.name == "prefix" || row.name == "location"));
  }

  bool shown_in_block(std::string_view kind, const SettingRow& row, const std::string& value,
                      bool set) const {
    bool changed = value != cd::default_of(kind, row);
    if (what_.scope != Scope::written) return changed;
    bool numbered = kind == "passdb" || kind == "userdb";
    return changed || set || (numbered && row.name == "name");
  }

  const View& view_;
  const DumpWhat& what_;
  Entries entries_;
};

bool needs_quotes(std::string_view value) {
  auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  if (value.empty()) return false;
  return is_blank(value.front()) || is_blank(value.back()) ||
         value.find('#') != std::string_view::npos;
}

std::string quoted(std::string_view text) {
  return "\"" + escaped(text) + "\"";
}

std::string shown_value(std::string_view value) {
  return needs_quotes(value) ? quoted(value) : std::string(value);
}

std::string shown_value(std::string_view key, std::string_view value, const DumpWhat& what) {
  if (what.passwords || value.empty()) return shown_value(value);
  if (is_secret_setting(key)) return "# hidden, use -P to show it";
  if (auto hidden = without_secrets(value, needs_quotes(value))) return std::move(*hidden);
  return shown_value(value);
}

// "service/imap/unix_listener/x" -> {"service imap {", "unix_listener x {"}
std::vector<std::string> block_heads(std::string_view path, std::string& key) {
  auto parts = cd::path_parts(path);
  std::vector<std::string> heads;
  auto place = cd::place_of(path);
  if (place && place->map_element) {
    key = parts[1];
    return {format("{} {{", parts[0])};
  }
  for (std::size_t at = 0; at + 2 < parts.size(); at += 2) {
    auto name = cd::unescape_name(parts[at + 1]);
    if (base::parse_number<unsigned>(name)) {
      heads.push_back(format("{} {{", parts[at]));
    } else if (name.find(' ') != std::string::npos || name.empty()) {
      heads.push_back(format("{} {} {{", parts[at], quoted(name)));
    } else {
      heads.push_back(format("{} {} {{", parts[at], name));
    }
  }
  key = parts.back();
  return heads;
}

// The blocks' identity apart from their heads: two unnamed passdbs look alike.
std::vector<std::string> block_ids(std::string_view path) {
  auto parts = cd::path_parts(path);
  auto place = cd::place_of(path);
  if (place && place->map_element) return {std::string(parts[0])};
  std::vector<std::string> ids;
  for (std::size_t at = 0; at + 2 < parts.size(); at += 2)
    ids.push_back(format("{}/{}", parts[at], parts[at + 1]));
  return ids;
}

std::string print_blocks(Entries entries, const DumpWhat& what, unsigned indent) {
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.path < b.path; });
  std::string out;
  std::vector<std::string> open;
  auto line = [&](std::string_view text) {
    out.append(2 * (indent + open.size()), ' ');
    out += text;
    out += '\n';
  };
  for (auto& entry : entries) {
    std::string key;
    auto heads = block_heads(entry.path, key);
    auto ids = block_ids(entry.path);
    std::size_t same = 0;
    while (same < open.size() && same < ids.size() && open[same] == ids[same]) ++same;
    while (open.size() > same) {
      open.pop_back();
      line("}");
    }
    for (auto at = same; at < heads.size(); ++at) {
      line(heads[at]);
      open.push_back(ids[at]);
    }
    line(format("{} = {}", key, shown_value(key, entry.value, what)));
  }
  while (!open.empty()) {
    open.pop_back();
    line("}");
  }
  return out;
}

std::string print_flat(const Entries& entries) {
  std::string out;
  for (auto& entry : entries) out += format("{}={}\n", entry.path, entry.value);
  return out;
}

// What is written inside one filter, whatever its value.
Entries filter_entries(const Filter& filter, const DumpWhat& what) {
  Entries entries;
  std::set<std::string> written;
  auto add = [&](const std::string& path, std::string value) {
    auto place = cd::place_of(path);
    bool asked = place && place->top && (place->top->readers & what.readers) != 0;
    if (asked && written.insert(path).second) entries.push_back({path, std::move(value)});
  };
  for (auto& setting : filter.settings)
    add(setting.path, (setting.from_file ? "<" : "") + setting.value);
  for (auto& [list, elements] : filter.lists) {
    for (auto& element : elements) {
      if (list == "namespace") {
        add(format("namespace/{}/location", element), "");
        add(format("namespace/{}/prefix", element), "");
      } else if (list == "passdb" || list == "userdb") {
        add(format("{}/{}/name", list, element), "");
      }
    }
  }
  return entries;
}

std::string print_filter(const Tree& tree, const Filter& filter, const DumpWhat& what) {
  auto entries = filter_entries(filter, what);
  if (entries.empty()) return {};
  auto expanded = what.expand ? cd::expanded_view(tree, filter) : config_error("not asked for");
  for (auto& entry : entries) {
    if (expanded && (*expanded)->is_set(entry.path)) entry.value = (*expanded)->get(entry.path);
  }
  std::vector<std::string> heads;
  if (!filter.local.bytes.empty()) heads.push_back(format("local {} {{", filter.local_text));
  if (!filter.local_name.empty()) heads.push_back(format("local_name {} {{", filter.local_name));
  if (!filter.remote.bytes.empty()) heads.push_back(format("remote {} {{", filter.remote_text));
  if (!filter.protocol.empty()) heads.push_back(format("protocol {} {{", filter.protocol));
  std::string out;
  unsigned depth = 0;
  for (auto& head : heads) out += std::string(2 * depth++, ' ') + head + "\n";
  out += print_blocks(std::move(entries), what, depth);
  while (depth > 0) out += std::string(2 * --depth, ' ') + "}\n";
  return out;
}

}  // namespace

std::string dump_all(const Tree& tree, const View& view, const DumpWhat& what) {
  auto entries = Collector(view, what).collect();
  if (what.flat) return print_flat(entries);
  auto out = print_blocks(std::move(entries), what, 0);
  for (auto index : cd::filters_from_wide_to_narrow(tree.filters())) {
    auto& filter = tree.filters()[index];
    if (!cd::is_global(filter) && !filter.command_line) out += print_filter(tree, filter, what);
  }
  return out;
}

std::string dump_names(const View& view, const DumpWhat& what,
                       const std::vector<std::string>& names) {
  auto open = what;
  open.readers = ~std::uint32_t{0};  // who names a setting need not ask its module
  if (open.scope == Scope::all) open.scope = Scope::hidden;
  auto all = Collector(view, open).collect();
  std::string out;
  for (auto& name : names) {
    auto exact = std::find_if(all.begin(), all.end(),
                              [&](const Entry& entry) { return entry.path == name; });
    bool list = exact != all.end() && what.flat && cd::place_of(name) && cd::place_of(name)->row &&
                is_list_type(cd::place_of(name)->row->type);
    if (exact != all.end() && !list) {
      if (what.values_only) {
        out += exact->value + "\n";
      } else {
        out += what.flat ? format("{}={}\n", name, exact->value)
                         : format("{} = {}\n", name, shown_value(exact->value));
      }
      if (name != "plugin" && name != "dict") continue;
    }
    Entries inside;
    for (auto& entry : all) {
      bool in_block = entry.path.compare(0, name.size() + 1, name + "/") == 0;
      if (in_block || (list && entry.path == name)) inside.push_back(entry);
    }
    out += what.flat ? print_flat(inside) : print_blocks(std::move(inside), what, 0);
  }
  return out;
}

}  // namespace dovetail::mda::doveconf
