// Whom a crash may be blamed on. A user who was being served when a mail process crashed, twice within ten minutes, gets
// processes of his own from then on, so that his next crash takes nobody else's sessions; they are started ever more
// slowly while they go on crashing. Ten quiet minutes end it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "common/base/clock.h"

namespace dovetail::mda {

class Containment {
 public:
  using Now = std::function<base::Milliseconds()>;
  explicit Containment(Now now = base::monotonic_now) : now_(std::move(now)) {}

  // A process crashed while these users were being served. Returns those who are alone from now on.
  std::set<std::string> crashed(const std::set<std::string>& users);
  bool alone(const std::string& user);
  // How long none of his processes may be started; 0: at once.
  base::Milliseconds wait(const std::string& user);

 private:
  struct Record {
    unsigned crashes = 0;
    base::Milliseconds last{0}, pause{0};
  };
  Record* recent(const std::string& user);

  Now now_;
  std::map<std::string, Record> records_;
};

}  // namespace dovetail::mda
