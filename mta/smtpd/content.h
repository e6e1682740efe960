// What DATA and BDAT share: the beginning of the content (our headers, the restrictions of the data stage), taking one
// line, and the end (end-of-data restrictions, the commit, the answer).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "mta/smtpd/commands.h"
#include "mta/smtpd/session.h"

namespace dovetail::mta::smtpd {

// A transaction with recipients is there, and smtpd_data_restrictions let it pass.
Task<std::optional<Reply>> content_may_begin(Session& s);
// Ends the envelope and writes Received: and what access tables PREPEND.
Task<> begin_content(Session& s);
// Takes one line or a piece of one; true: settle_content() before the next.
bool take_content(Session& s, const DataPiece& piece);
Task<> settle_content(Session& s);
// The transaction is over when this has answered. octets: for BDAT's "Ok: N bytes queued as".
Task<Answer> end_content(Session& s, std::optional<uint64_t> octets);

}  // namespace dovetail::mta::smtpd
