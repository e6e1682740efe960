// Which restriction lists run at which command, and in which order (smtpd_delay_reject,
// smtpd_relay_before_recipient_restrictions). Each gives the reply that refuses the command, already logged.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "common/mail/reply.h"
#include "common/net/task.h"

namespace dovetail::mta::smtpd {

class Session;

Task<std::optional<mail::Reply>> check_client(Session& s);
Task<std::optional<mail::Reply>> check_helo(Session& s);
Task<std::optional<mail::Reply>> check_mail(Session& s, std::string sender);
Task<std::optional<mail::Reply>> check_rcpt(Session& s, std::string recipient);
Task<std::optional<mail::Reply>> check_data(Session& s);
Task<std::optional<mail::Reply>> check_end_of_data(Session& s);
Task<std::optional<mail::Reply>> check_etrn(Session& s, std::string domain);

// local_header_rewrite_clients: whether headers of this client's mail are completed as those of local mail.
Task<bool> is_local_rewrite_client(Session& s);

}  // namespace dovetail::mta::smtpd
