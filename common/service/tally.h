// Clients of one service, counted over all its processes and generations: a page of shared memory in which every process
// has a cell that only it writes. A process that is killed leaves its cell to be cleared by the parent, so nothing is
// counted twice or for ever. Sealed against growing and shrinking: no child can make the parent read past its end.
//
// Entering adds first and looks at the sum then: two that come to the last place at the same moment both step back and try
// again, and the limit is never exceeded.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "common/base/file.h"
#include "common/base/result.h"

namespace dovetail::service {

class Tally {
 public:
  static Result<std::unique_ptr<Tally>> create();                          // the parent's
  static Result<std::unique_ptr<Tally>> join(base::Fd fd, unsigned cell);  // a child's
  ~Tally();
  Tally(const Tally&) = delete;

  // --- the parent
  std::optional<unsigned> take_cell();
  void give_back(unsigned cell);
  int fd() const { return fd_.get(); }

  // --- a child. False: `most` clients are there already; 0 is no limit.
  bool enter(unsigned most);
  void leave();

  uint64_t total() const;

 private:
  struct Page;
  Tally(base::Fd fd, Page* page, unsigned cell) : fd_(std::move(fd)), page_(page), cell_(cell) {}
  static Result<std::unique_ptr<Tally>> map(base::Fd fd, unsigned cell);

  base::Fd fd_;
  Page* page_;
  unsigned cell_;
  std::unique_ptr<bool[]> taken_;  // the parent's own memory: a child's word is not asked
};

}  // namespace dovetail::service
