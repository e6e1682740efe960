// Becoming a daemon so that the command that started it knows how it went: the parent waits until the daemon serves,
// and ends with 0 or with the daemon's own exit status.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/file.h"

namespace dovetail::service {

class Daemonized {
 public:
  // Forks; only the daemon returns. Its standard error stays open until ready(), for words of failure.
  static Daemonized detach();
  // Serving: the waiting parent ends with 0, the standard descriptors become /dev/null.
  void ready();

 private:
  base::Fd parent_;
};

// Standard input, output and error become /dev/null.
void leave_terminal();

}  // namespace dovetail::service
