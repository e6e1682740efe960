// BODY and BODYSTRUCTURE texts of IMAP (RFC 3501 7.4.2), word for word as the incumbent writes
// them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "mda/message/structure.h"

namespace dovetail::mda {

// The text inside BODY (...) or, with extended, BODYSTRUCTURE (...), without the outer parentheses.
std::string bodystructure_text(const Structure& structure, bool extended);

}  // namespace dovetail::mda
