// Which messages of the selected mailbox a command means: message numbers, UIDs or the saved result (RFC 5182).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "mda/imap/command_reader.h"
#include "mda/imap/sequence_set.h"
#include "mda/storage/types.h"

namespace dovetail::mda::imap {

class Session;

// The command's first argument as UIDs in ascending order. Unknown UIDs are left out; unknown message numbers are an
// error ("Invalid messageset"), as RFC 3501 9 seq-number demands.
Result<std::vector<Uid>> take_message_set(Session& session, ArgReader& args, bool by_uid);

// Message numbers of a set, against a view; nullopt: a number is out of range.
bool resolve_sequence(SequenceSet& set, size_t count);

// UIDs with \Deleted, all or those of a set of UIDs.
std::vector<Uid> deleted_uids(const View& view, const SequenceSet* among);

}  // namespace dovetail::mda::imap
