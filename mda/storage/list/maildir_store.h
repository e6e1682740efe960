// The Store over Maildir namespaces: finds a name's namespace, keeps open mailboxes, and is the MailboxList too.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>

#include "common/net/loop.h"
#include "common/net/pool.h"
#include "mda/storage/list/namespace.h"
#include "mda/storage/maildir/maildir_mailbox.h"
#include "mda/storage/store.h"

namespace dovetail::mda {

class MaildirStore : public Store, public MailboxList {
 public:
  MaildirStore(net::Loop& loop, net::Pool& pool, std::shared_ptr<const StoreSettings> settings,
               std::vector<Namespace> namespaces, Logger log);

  MailboxList& list() override { return *this; }
  Task<Result<std::shared_ptr<Mailbox>>> open(std::string name) override;
  Task<Result<std::shared_ptr<Mailbox>>> open_for_delivery(std::string name) override;
  const StoreSettings& settings() const override { return *settings_; }

  std::vector<NamespaceInfo> namespaces() const override;
  char separator(std::string_view name) const override;
  Task<Result<std::vector<ListEntry>>> list(ListQuery query) override;
  Task<Result<bool>> exists(std::string name) override;
  Task<Result<void>> create(std::string name, std::string special_use, std::string guid) override;
  Task<Result<void>> remove(std::string name) override;
  Task<Result<void>> rename(std::string from, std::string to) override;
  Task<Result<void>> subscribe(std::string name, bool on, bool any) override;
  Task<Result<std::vector<std::string>>> subscriptions() override;
  Result<void> valid_name(std::string_view name) const override;

 private:
  using Namespaces = std::shared_ptr<const std::vector<Namespace>>;
  struct Place {
    const Namespace* space = nullptr;
    std::string name, storage_name;
  };
  static const Namespace* namespace_of(const std::vector<Namespace>& spaces, std::string_view name);
  Result<Place> place_of(std::string_view name) const;
  static bool there(const Place& place);
  Task<Result<std::shared_ptr<MaildirMailbox>>> open_folder(std::string name);
  void forget(std::string_view name, char separator);

  net::Loop& loop_;
  net::Pool& pool_;
  std::shared_ptr<const StoreSettings> settings_;
  Namespaces namespaces_;
  Logger log_;
  std::map<std::string, std::weak_ptr<MaildirMailbox>> open_;
  std::shared_ptr<Mailbox> inbox_;  // once something was delivered to it
};

// LIST over all namespaces; blocking.
Result<std::vector<ListEntry>> list_mailboxes(const std::vector<Namespace>& spaces,
                                              const ListQuery& query);
// Names subscribed in all namespaces; blocking.
Result<std::vector<std::string>> list_subscriptions(const std::vector<Namespace>& spaces);

}  // namespace dovetail::mda
