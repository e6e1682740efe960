// The bytes a child gets from its parent: a counted list of strings and numbers, made and read on the same machine by
// the same build, so there is no version in it beyond the first word.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <set>

#include "common/base/file.h"
#include "common/base/text.h"
#include "conf/dovecot/schema.h"
#include "conf/dovecot/settings.h"
#include "conf/dovecot/view_builder.h"

namespace dovetail::conf::dovecot {

namespace {

constexpr std::string_view kMagic = "dovetail-settings-1";

class Packer {
 public:
  void number(std::uint64_t value) { bytes_ += format("{}:", value); }
  void text(std::string_view value) {
    number(value.size());
    bytes_ += value;
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class Unpacker {
 public:
  explicit Unpacker(std::string_view bytes) : rest_(bytes) {}

  std::uint64_t number() {
    auto end = rest_.find(':');
    auto value = end == std::string_view::npos
                     ? std::nullopt
                     : base::parse_number<std::uint64_t>(rest_.substr(0, end));
    if (!value) {
      bad_ = true;
      rest_ = {};
      return 0;
    }
    rest_.remove_prefix(end + 1);
    return *value;
  }
  std::string text() {
    auto size = number();
    if (size > rest_.size()) bad_ = true;
    auto value = rest_.substr(0, bad_ ? 0 : size);
    rest_.remove_prefix(value.size());
    return std::string(value);
  }
  bool bad() const { return bad_; }
  bool end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
  bool bad_ = false;
};

void pack_net(Packer& out, const Filter::Net& net) {
  out.text(net.bytes);
  out.number(net.bits);
}

Filter::Net unpack_net(Unpacker& in) {
  Filter::Net net;
  net.bytes = in.text();
  auto bits = in.number();
  net.bits = static_cast<unsigned>(std::min<std::uint64_t>(bits, net.bytes.size() * 8));
  return net;
}

bool visible(const Assignment& setting, const PackFor& what, std::uint32_t readers) {
  auto place = place_of(setting.path);
  if (!place || !place->top || (place->top->readers & readers) == 0) return false;
  bool key = place->row && (place->row->flags & kPrivateKey) != 0;
  return !key || what.private_keys;
}

// Names that visible values refer to with $ are needed to evaluate them.
void add_referred(const Tree& tree, std::set<std::string, std::less<>>& wanted) {
  for (bool grown = true; grown;) {
    grown = false;
    for (auto& filter : tree.filters()) {
      for (auto& setting : filter.settings) {
        if (!setting.expand || wanted.find(setting.path) == wanted.end()) continue;
        for (auto word : base::split(setting.value, ' ')) {
          if (word.size() > 1 && word[0] == '$')
            grown = wanted.emplace(word.substr(1)).second || grown;
        }
      }
    }
  }
}

// Files named by args of passdb and userdb whose driver reads one: dovecot-sql.conf.ext and its like.
std::set<std::string> external_paths(const Tree& tree) {
  std::set<std::string> paths;
  auto view = tree.view({});
  if (!view) return paths;
  auto take = [&](const std::string& driver, const std::string& args) {
    bool reads = driver == "sql" || driver == "ldap" || driver == "dict" || driver == "oauth2";
    if (reads && !args.empty()) paths.insert(args);
  };
  for (auto& passdb : (*view)->passdbs()) take(passdb.driver, passdb.args);
  for (auto& userdb : (*view)->userdbs()) take(userdb.driver, userdb.args);
  return paths;
}

Result<void> pack_filter(Packer& out, const Tree& tree, const Filter& filter,
                         const std::set<std::string, std::less<>>& wanted, std::uint32_t readers) {
  out.text(filter.protocol);
  out.text(filter.local_name);
  out.text(filter.local_text);
  out.text(filter.remote_text);
  pack_net(out, filter.local);
  pack_net(out, filter.remote);
  out.number(filter.command_line ? 1 : 0);
  out.number(static_cast<std::uint64_t>(filter.parent + 1));
  out.number(filter.file);
  out.number(filter.line);
  std::vector<const Assignment*> kept;
  for (auto& setting : filter.settings) {
    if (wanted.find(setting.path) != wanted.end()) kept.push_back(&setting);
  }
  out.number(kept.size());
  for (auto setting : kept) {
    out.text(setting->path);
    auto value = setting->value;
    if (setting->from_file) {
      auto content = read_value_file(tree, *setting);
      if (!content) {
        return config_error(format("Error in configuration file {}: {}",
                                   tree.where(setting->file, setting->line), content.error().text));
      }
      value = *content;
    }
    out.text(value);
    out.number(setting->expand ? 1 : 0);
    out.number(setting->file);
    out.number(setting->line);
  }
  std::vector<const std::pair<const std::string, std::vector<std::string>>*> lists;
  for (auto& list : filter.lists) {
    auto place = place_of(list.first);
    if (place && place->top && (place->top->readers & readers) != 0) lists.push_back(&list);
  }
  out.number(lists.size());
  for (auto list : lists) {
    out.text(list->first);
    out.number(list->second.size());
    for (auto& name : list->second) out.text(name);
  }
  return {};
}

Filter unpack_filter(Unpacker& in) {
  Filter filter;
  filter.protocol = in.text();
  filter.local_name = in.text();
  filter.local_text = in.text();
  filter.remote_text = in.text();
  filter.local = unpack_net(in);
  filter.remote = unpack_net(in);
  filter.command_line = in.number() != 0;
  filter.parent = static_cast<int>(in.number()) - 1;
  filter.file = static_cast<std::uint32_t>(in.number());
  filter.line = static_cast<std::uint32_t>(in.number());
  for (auto left = in.number(); left > 0 && !in.bad(); --left) {
    Assignment setting;
    setting.path = in.text();
    setting.value = in.text();
    setting.expand = in.number() != 0;
    setting.file = static_cast<std::uint32_t>(in.number());
    setting.line = static_cast<std::uint32_t>(in.number());
    filter.settings.push_back(std::move(setting));
  }
  for (auto left = in.number(); left > 0 && !in.bad(); --left) {
    auto& names = filter.lists[in.text()];
    for (auto elements = in.number(); elements > 0 && !in.bad(); --elements)
      names.push_back(in.text());
  }
  return filter;
}

}  // namespace

Result<std::string> Tree::pack(const PackFor& what) const {
  std::uint32_t readers = 0;
  for (auto& reader : what.readers) {
    auto bits = readers_of(reader);
    if (bits == 0) return config_error(format("pack: unknown reader {}", reader));
    readers |= bits;
  }
  std::set<std::string, std::less<>> wanted;
  for (auto& filter : filters_) {
    for (auto& setting : filter.settings) {
      if (visible(setting, what, readers)) wanted.insert(setting.path);
    }
  }
  add_referred(*this, wanted);
  Packer out;
  out.text(kMagic);
  out.number(files_.size());
  for (auto& file : files_) out.text(file);
  out.number(filters_.size());
  for (auto& filter : filters_) {
    if (auto packed = pack_filter(out, *this, filter, wanted, readers); !packed)
      return packed.error();
  }
  auto paths = what.external_files ? external_paths(*this) : std::set<std::string>();
  Packer files;
  std::size_t count = 0;
  for (auto& path : paths) {
    // A missing file is the driver's error to give, with its own words.
    auto content = base::read_file(path, 16 << 20);
    if (!content) continue;
    files.text(path);
    files.text(*content);
    ++count;
  }
  out.number(count);
  return out.take() + files.take();
}

Result<Tree> Tree::unpack(std::string_view bytes) {
  Unpacker in(bytes);
  auto bad = [] { return permanent("settings from the parent are damaged"); };
  if (in.text() != kMagic) return bad();
  Tree tree;
  tree.filters_.clear();
  for (auto left = in.number(); left > 0 && !in.bad(); --left) tree.files_.push_back(in.text());
  for (auto left = in.number(); left > 0 && !in.bad(); --left)
    tree.filters_.push_back(unpack_filter(in));
  for (auto left = in.number(); left > 0 && !in.bad(); --left) {
    auto path = in.text();
    tree.external_.emplace(path, Secret(in.text()));
  }
  if (in.bad() || !in.end() || tree.filters_.empty()) return bad();
  for (auto& filter : tree.filters_) {
    if (filter.file >= tree.files_.size() && !tree.files_.empty()) return bad();
    for (auto& setting : filter.settings) {
      if (setting.file >= tree.files_.size() || !place_of(setting.path)) return bad();
    }
  }
  return tree;
}

}  // namespace dovetail::conf::dovecot
