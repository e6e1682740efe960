// A mail host in a directory of its own: a clean configuration on which no rule has anything to say, faults to be planted in it,
// and what the rules say then.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "check/finding.h"
#include "check/site.h"

namespace dovetail::check {

class FixtureHost {
 public:
  FixtureHost();
  ~FixtureHost();

  // Files below the directory; @ in a text stands for the directory, & for the user and % for the group who runs the test.
  void write(const std::string& name, std::string_view text, unsigned mode = 0644);
  void remove(const std::string& name);
  std::string path(const std::string& name) const { return directory_ + "/" + name; }
  std::string filled(std::string_view text) const;
  // Replaces a text in a file, or appends to it; the text must be there.
  void edit(const std::string& name, std::string_view what, std::string_view with);
  void append(const std::string& name, std::string_view text);
  void sqlite(const std::string& name, const std::string& statements);
  // A certificate for a name, with its key, valid for so many days; signed by itself, or by an issuer nobody knows.
  void certificate(const std::string& cert, const std::string& key, const std::string& name,
                   int days = 365, const std::string& issuer = {});

  Surroundings surroundings;
  bool dns = false;
  // Everything that rule says, as lines with paths relative to the directory; no rule: all rules.
  std::string says(std::string_view rule = {});
  Report report(std::string_view rule = {});

 private:
  std::string directory_, user_, group_;
};

}  // namespace dovetail::check
