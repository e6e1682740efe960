// A Maildir with two messages for targets that play a session on one.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "common/net/pool.h"
#include "mda/storage/store.h"
#include "tests/fuzz/support.h"

namespace dovetail::tests {

class FuzzMailbox {
 public:
  explicit FuzzMailbox(Loop& loop);

  std::shared_ptr<mda::Store> store;
  net::Pool pool;

 private:
  Scratch scratch_;
};

}  // namespace dovetail::tests
