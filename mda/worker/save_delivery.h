// A delivery's last step, in the user's own process: which mailbox, the save, the line in the log (deliver_log_format).
// Shared by the worker and dovecot-lda.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "common/base/log.h"
#include "mda/broker/delivery.h"
#include "mda/storage/store.h"
#include "mda/worker/mail_user.h"

namespace dovetail::mda {

// Stored means fsynced. A mailbox that does not exist (and may not be made: lda_mailbox_autocreate) or cannot be opened is
// replaced by INBOX, as the incumbent does. `fd` stays the caller's.
Task<DeliveryAnswer> save_delivery(Store& store, const MailUser& user, Delivery delivery, int fd,
                                   Logger log);

// Why a message for this user must wait: a plugin that would decide over it is not supported yet. Empty: nothing.
std::string delivery_obstacle(const MailUser& user);

// What deliver_log_format can name.
struct DeliveryFacts {
  std::string status;  // "saved mail to INBOX"
  std::string message_id, subject, from, sender;
  uint64_t size = 0;
};
std::string delivery_log_line(const std::string& deliver_log_format, const DeliveryFacts& facts);

}  // namespace dovetail::mda
