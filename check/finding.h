// One thing that is wrong with an installation, and the list of all of them: as lines for people, as JSON for programs.
// What is wrong is the rules' business (rules.h).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dovetail::check {

// note: works, but surprises, or could not be examined. warning: something is lost, exposed or will break. error: mail or
// logins fail now, or the host is abused. Notes do not change the exit status.
enum class Severity { note, warning, error };
std::string_view severity_name(Severity severity);

// Line 0: something that is missing in the file, or the file as a whole.
struct Place {
  std::string file;
  int line = 0;
};

struct Finding {
  Place place;
  Severity severity = Severity::warning;
  std::string wrong;   // what is wrong
  std::string effect;  // what happens because of it
  std::string remedy;  // what to do
  std::string_view rule;
};

class Report {
 public:
  void add(Finding finding);
  // Whose findings come next.
  void begin_rule(std::string_view rule) { rule_ = rule; }

  const std::vector<Finding>& findings() const { return findings_; }
  // By file, line and severity; what was found twice is there once.
  void sort();

  // "file:line: severity: what is wrong: what happens: what to do", a line each.
  std::string text() const;
  std::string json() const;
  // 0: at most notes; 1: warnings; 2: errors.
  int exit_status() const;

 private:
  std::vector<Finding> findings_;
  std::string_view rule_;
};

// "a, b, c and 12 more": as many of a list as a line can bear.
std::string some_of(const std::vector<std::string>& names, size_t most = 3);

}  // namespace dovetail::check
