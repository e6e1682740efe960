// The STATUS response, for STATUS itself and for LIST RETURN (STATUS ...) (RFC 5819).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "mda/imap/session.h"

namespace dovetail::mda::imap {

enum StatusItem : unsigned {
  kStatusMessages = 1,
  kStatusRecent = 2,
  kStatusUidNext = 4,
  kStatusUidValidity = 8,
  kStatusUnseen = 16,
  kStatusHighestModseq = 32,
  kStatusSize = 64,
  kStatusXSize = 128,
  kStatusXGuid = 256,
};

// Set of StatusItem; errors are BAD texts.
Result<unsigned> parse_status_items(const Args& list);
Task<Result<void>> put_status(Session& s, const std::string& wire_name,
                              std::shared_ptr<Mailbox> box, unsigned items);

}  // namespace dovetail::mda::imap
