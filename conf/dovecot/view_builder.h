// Makes a View of the filters that match: takes them most specific first, refuses contradictions, expands.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "conf/dovecot/settings.h"

namespace dovetail::conf::dovecot {

class ViewBuilder {
 public:
  ViewBuilder(const Tree& tree, bool raw) : tree_(tree), raw_(raw) {}

  // An error of two filters reads "Conflict in setting K found from filter at F:N"; others "Error in configuration
  // file F line N: ...".
  Result<std::shared_ptr<const View>> build(const std::vector<std::size_t>& matching);
  // Only the search for contradictions.
  Result<void> collect(const std::vector<std::size_t>& matching);

 private:
  Result<std::string> value_of(const Assignment& setting, unsigned depth) const;
  Result<std::string> expand(const Assignment& setting, unsigned depth) const;
  Result<std::string> variable(std::string_view name, unsigned depth) const;
  Error at(const Assignment& setting, std::string_view why) const;
  void collect_lists(const std::vector<std::size_t>& matching, View& view) const;

  const Tree& tree_;
  const bool raw_;
  std::map<std::string_view, const Assignment*> chosen_;
};

// Content of a `<file` value; path relative to the file that holds the line.
// The file of a <file value, relative to the configuration file it stands in.
std::string value_file_path(const Tree& tree, const Assignment& setting);
Result<std::string> read_value_file(const Tree& tree, const Assignment& setting);

}  // namespace dovetail::conf::dovecot
