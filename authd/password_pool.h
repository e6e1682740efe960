// Where slow password hashes are computed: threads as many as cores, and no address holds more than half of them, so that
// one who guesses does not keep the others waiting.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>

#include "authd/scheme/scheme.h"
#include "common/net/loop.h"
#include "common/net/pool.h"

namespace dovetail::authd {

class PasswordPool {
 public:
  PasswordPool(net::Loop& loop, unsigned threads);
  // who: an address, or the user where there is none.
  net::Task<Verification> verify(std::string who, Attempt attempt, StoredPassword stored);

 private:
  struct Share {
    explicit Share(net::Loop& loop) : free(loop) {}
    unsigned running = 0, waiting = 0;
    net::Event free;
  };

  net::Loop& loop_;
  net::Pool pool_;
  unsigned limit_;
  std::map<std::string, std::unique_ptr<Share>> shares_;
};

}  // namespace dovetail::authd
