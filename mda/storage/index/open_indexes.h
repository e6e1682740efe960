// The indexes whose files are open in this process, the least recently used first: beyond a number of them the oldest
// that is not at work closes its files. A mailbox that sleeps costs no descriptor.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace dovetail::mda {

class FolderIndex;

class OpenIndexes {
 public:
  // Around any work with the files; they stay open until the last one has ended.
  class Use {
   public:
    explicit Use(FolderIndex& index);
    ~Use();
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

   private:
    FolderIndex& index_;
    bool outer_;
  };

  static void forget(FolderIndex& index);
  static size_t count();
  // For tests; returns the number before.
  static size_t set_limit(size_t most);
};

}  // namespace dovetail::mda
