// One user's store: namespaces from mail_location, the mailbox list, and the mailboxes that are
// open in this process. Made once per user per process (a worker keeps one for all sessions of that
// user); no daemon needs to run.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "common/base/log.h"
#include "mda/storage/mailbox.h"
#include "mda/storage/mailbox_list.h"
#include "mda/storage/settings.h"

namespace dovetail::net {
class Loop;
class Pool;
}  // namespace dovetail::net

namespace dovetail::mda {

class Store {
 public:
  // Disk work runs on `pool`. Fails if a location cannot be understood (Fault::config). The
  // directory of INBOX is made on first use, not here. Both loop and pool must outlive the store.
  static Result<std::unique_ptr<Store>> create(net::Loop& loop, net::Pool& pool,
                                               StoreSettings settings, Logger log);
  virtual ~Store() = default;

  virtual MailboxList& list() = 0;
  // Opens and syncs; INBOX and auto mailboxes are made if missing. Null: no such mailbox. The same
  // object is given to everybody while somebody holds it.
  virtual Task<Result<std::shared_ptr<Mailbox>>> open(std::string name) = 0;
  // For delivery: as open() but reads neither directory nor index; view() is empty. Auto-creation
  // as in open().
  virtual Task<Result<std::shared_ptr<Mailbox>>> open_for_delivery(std::string name) = 0;
  virtual const StoreSettings& settings() const = 0;
};

}  // namespace dovetail::mda
