// Finds the messages of the selected mailbox that criteria ask for (RFC 3501 6.4.4). Cheap questions first: a message is
// opened only while its row, its sizes and dates leave the answer open.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/net/task.h"
#include "mda/imap/criterion.h"
#include "mda/storage/types.h"

namespace dovetail::mda::imap {

class Session;

class Matcher {
 public:
  // Resolves sets, keywords and texts (from the charset, already checked with known_charset). The error is a BAD text.
  static Result<std::unique_ptr<Matcher>> create(Session& session, Criterion criterion,
                                                 std::string_view charset);
  ~Matcher();

  // UIDs in ascending order.
  Task<Result<std::vector<Uid>>> find();
  bool asks_modseq() const;

 private:
  struct State;
  explicit Matcher(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace dovetail::mda::imap
