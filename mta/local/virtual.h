// virtual(8): mailboxes of domains whose users are no users of the system: path, uid and gid come from tables. No aliases,
// no commands.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "lookup/mail_addr_find.h"
#include "lookup/maps.h"
#include "mta/local/workshop.h"

namespace dovetail::mta {

struct VirtualParameters {
  std::string virtual_mailbox_maps, virtual_uid_maps, virtual_gid_maps, virtual_mailbox_base,
      recipient_delimiter;
  long virtual_mailbox_limit = 0, message_size_limit = 0;
  int virtual_minimum_uid = 100;
};

class VirtualRole : public WorkshopRole {
 public:
  Result<void> prepare_agent(service::Context& context) override;
  Task<> deliver(service::Context& context, Delivery& delivery) override;

 private:
  Task<Outcome> deliver_one(Delivery& delivery, const mail::Recipient& rcpt);
  // The id of a table, checked; nullopt after a warning.
  Task<std::optional<long>> find_id(const lookup::Maps& maps, const mail::Recipient& rcpt,
                                    long least, std::string_view what);
  Task<Result<std::optional<lookup::AddrFound>>> find(const lookup::Maps& maps,
                                                      const std::string& address);

  service::Context* context_ = nullptr;
  VirtualParameters parameters_;
  lookup::Maps mailboxes_, uids_, gids_;
};

}  // namespace dovetail::mta
