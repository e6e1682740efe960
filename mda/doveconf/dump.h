// The two forms doveconf prints settings in: blocks sorted by name, and flat path=value lines in the table's order.
// What is asked for is in DumpWhat; reading and evaluating is conf/dovecot's.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "conf/dovecot/settings.h"

namespace dovetail::mda::doveconf {

enum class Scope {
  all,      // -a
  hidden,   // -s: also the hidden ones
  changed,  // -n
  written   // -N: -n and what was set to its default
};

struct DumpWhat {
  Scope scope = Scope::all;
  std::uint32_t readers = ~0U;  // -m
  bool passwords = false;       // -P
  bool flat = false;            // -S
  bool values_only = false;     // -h
  bool expand = false;          // -x
};

// Everything, then the filters; or the named settings and blocks only.
std::string dump_all(const conf::dovecot::Tree& tree, const conf::dovecot::View& view,
                     const DumpWhat& what);
std::string dump_names(const conf::dovecot::View& view, const DumpWhat& what,
                       const std::vector<std::string>& names);

}  // namespace dovetail::mda::doveconf
