// What can be wrong with a configuration as a whole: contradictions, missing drivers, unknown protocols, users that do
// not exist. The incumbent's texts; none of them has a line number.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "conf/dovecot/settings.h"

namespace dovetail::conf::dovecot {

struct Verdict {
  std::vector<std::string> warnings;
  std::vector<std::string> errors;  // doveconf prints each as an Error line first
  std::string fatal;                // empty: all is well
};

Verdict check_tree(const Tree& tree);

// The settings where this filter holds, $names and <files expanded.
Result<std::shared_ptr<const View>> expanded_view(const Tree& tree, const Filter& filter);
// Every $name and <file of every filter can be read; the error is that of the first which cannot.
Result<void> check_expansion(const Tree& tree);

// The checks of one View, without the search for contradicting filters.
Verdict check_view(const View& view);

}  // namespace dovetail::conf::dovecot
