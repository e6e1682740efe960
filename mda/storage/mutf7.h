// Modified UTF-7 of mailbox names (RFC 3501 5.1.3), on the wire and on disk.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dovetail::mda {

// nullopt: not valid ("Mailbox name is not valid mUTF-7"): bad base64, 8-bit bytes, encoded ASCII,
// unpaired surrogates.
std::optional<std::string> mutf7_to_utf8(std::string_view text);
// The text must be valid UTF-8; nullopt otherwise.
std::optional<std::string> utf8_to_mutf7(std::string_view text);

}  // namespace dovetail::mda
