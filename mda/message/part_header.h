// The Content- fields and, where wanted, the envelope fields of one part's header; used by the MIME parser only.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "mda/message/structure.h"

namespace dovetail::mda {

// Fills `part` from its header block. `digest` says that the default type is message/rfc822; `boundary` gets the
// multipart's boundary, empty if there is none.
void read_part_header(std::string_view header, Part& part, bool envelope, bool digest,
                      std::string& boundary);

}  // namespace dovetail::mda
