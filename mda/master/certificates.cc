// SPDX-License-Identifier: Apache-2.0
#include "mda/master/certificates.h"

#include "common/base/file.h"
#include "conf/dovecot/view_builder.h"

namespace dovetail::mda {

using conf::dovecot::Assignment;
using conf::dovecot::Filter;
using conf::dovecot::Tree;

namespace {

// What holds in this block: its own, or that of the nearest one around it.
const Assignment* assignment_in_force(const Tree& tree, size_t index, std::string_view name) {
  auto& filters = tree.filters();
  for (auto at = static_cast<int>(index); at >= 0; at = filters[static_cast<size_t>(at)].parent) {
    if (auto* found = Tree::find(filters[static_cast<size_t>(at)], name)) return found;
  }
  return Tree::find(filters.front(), name);
}

Secret key_password(const Tree& tree, const Assignment* setting) {
  if (!setting) return {};
  if (!setting->from_file) return Secret(setting->value);
  auto text = base::read_file(conf::dovecot::value_file_path(tree, *setting), 65536);
  return text ? Secret(std::move(*text)) : Secret();
}

bool is_certificate_setting(std::string_view name) {
  return name == "ssl_cert" || name == "ssl_key" || name == "ssl_ca";
}

}  // namespace

std::vector<service::CertificatePair> certificate_pairs(const Tree& tree) {
  std::vector<service::CertificatePair> pairs;
  for (size_t i = 0; i < tree.filters().size(); ++i) {
    auto& filter = tree.filters()[i];
    if (!Tree::find(filter, "ssl_cert") && !Tree::find(filter, "ssl_key")) continue;
    auto* certificate = assignment_in_force(tree, i, "ssl_cert");
    auto* key = assignment_in_force(tree, i, "ssl_key");
    if (!certificate || !certificate->from_file || !key || !key->from_file) continue;
    pairs.push_back({{conf::dovecot::value_file_path(tree, *certificate)},
                     {conf::dovecot::value_file_path(tree, *key)},
                     key_password(tree, assignment_in_force(tree, i, "ssl_key_password"))});
  }
  return pairs;
}

std::set<std::string> certificate_roots(const Tree& tree) {
  std::set<std::string> paths;
  for (auto& filter : tree.filters()) {
    auto* roots = Tree::find(filter, "ssl_ca");
    if (roots && roots->from_file) paths.insert(conf::dovecot::value_file_path(tree, *roots));
  }
  return paths;
}

Tree with_contents(const Tree& tree, const service::FileSnapshot& files) {
  Tree filled = tree;
  for (auto& filter : filled.filters()) {
    for (auto& setting : filter.settings) {
      if (!setting.from_file || !is_certificate_setting(setting.path)) continue;
      auto path = conf::dovecot::value_file_path(tree, setting);
      if (!files.has_all({path})) continue;  // pack() says why it cannot be read
      setting.value = std::string(files.content(path)->reveal());
      setting.from_file = setting.expand = false;
    }
  }
  return filled;
}

}  // namespace dovetail::mda
