// What is said of a server that does not answer: one line for each thing that is wrong when it begins, one when it is over,
// not one for every question. Commands (postmap) end at the first failure and say everything, as the incumbent.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/log.h"

namespace dovetail::lookup {

class Outage {
 public:
  // every: each failure is worth a line, and none is said about the end.
  Outage(const Logger& log, bool every) : log_(log), every_(every) {}

  void failed(const std::string& warning);
  // The question after a failure could not be answered: counted for the line at the end.
  void unanswered() { ++unanswered_; }
  // who: the server, for the line at the end.
  void answered(std::string_view who);
  // Over without a word.
  void forget();

  bool ongoing() const { return ongoing_; }
  base::Milliseconds last_failure() const { return last_failure_; }
  bool every() const { return every_; }

 private:
  Logger log_;
  bool every_;
  bool ongoing_ = false;
  base::Milliseconds since_{0}, last_failure_{0};
  unsigned unanswered_ = 0;
  std::vector<std::string> said_;
};

}  // namespace dovetail::lookup
