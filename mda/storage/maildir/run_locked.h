// MaildirMailbox::run_locked: one call of the folder in the pool, again while somebody else holds a lock it needs.
// Included by the two files that implement MaildirMailbox.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mda/storage/maildir/maildir_mailbox.h"

namespace dovetail::mda {

inline constexpr base::Milliseconds kFirstLockWait{5};
inline constexpr base::Milliseconds kLongestLockWait{500};
inline constexpr base::Milliseconds kLockTimeout{120'000};

// `call` gives Result<bool>, false for busy; it must hold only values and shared pointers.
template <class Call>
Task<Result<void>> MaildirMailbox::run_locked(Call call) {
  auto guard = co_await mutex_.lock();
  base::Milliseconds begin = base::monotonic_now();
  for (base::Milliseconds wait = kFirstLockWait;; wait = std::min(wait * 2, kLongestLockWait)) {
    auto done = co_await pool_.run(call);
    view_ = folder_->view();
    if (!done) co_return done.error();
    if (*done) co_return Result<void>();
    if (base::monotonic_now() - begin > kLockTimeout) {
      co_return temporary(
          format("Mailbox {}: Timeout while waiting for lock {}/dovecot-uidlist.lock", name_,
                 folder_->paths().control));
    }
    co_await loop_.sleep(wait);
  }
}

}  // namespace dovetail::mda
