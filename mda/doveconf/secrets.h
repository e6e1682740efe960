// What doveconf does not show unless it is asked with -P or by name: settings that are secrets by their names, and passwords
// inside other values (arguments of a driver, URLs). A rule of names, as with the incumbent: it has no list of the settings.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dovetail::mda::doveconf {

// The whole value is a secret: *_password, *_key, *_nonce, ssl_dh*.
bool is_secret_setting(std::string_view key);

// The value with "password=...", "key=...", "http://user:password@" made unreadable; nullopt if there are none.
// escape: the value would be printed in quotes, so what follows the last secret is escaped.
std::optional<std::string> without_secrets(std::string_view value, bool escape);

// text with backslashes before quotes and backslashes.
std::string escaped(std::string_view text);

}  // namespace dovetail::mda::doveconf
