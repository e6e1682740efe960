// Takes a message apart into the keys of header_checks and body_checks: postmap -h, -b, -m.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dovetail::lookup {

// Whole headers (folded lines together) and single body lines, in their order. mime: headers of MIME parts and of
// attached messages are headers; otherwise everything behind the first empty line is body.
std::vector<std::string> message_keys(std::string_view message, bool headers, bool body, bool mime);

}  // namespace dovetail::lookup
