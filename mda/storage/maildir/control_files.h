// The smaller files beside the mail: dovecot-keywords (letters a-z to names) and dovecot-uidvalidity (the last value
// given out, as text and as the name of an empty file).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/file.h"

namespace dovetail::mda {

// Names by number, an empty name where a number is unused; at most 26.
Result<std::vector<std::string>> read_maildir_keywords(const std::string& path);
// Adds a name under PATH.lock, which becomes the new file. Gives the names now there; nullopt: locked by somebody
// else, try again. More than 26 names: the list comes back without the new one.
Result<std::optional<std::vector<std::string>>> add_maildir_keyword(const std::string& path,
                                                                    const std::string& name,
                                                                    const std::string& hostname,
                                                                    mode_t mode);

// The next UIDVALIDITY of the store whose control directory this is.
Result<uint32_t> next_uid_validity(const std::string& directory, mode_t mode);

}  // namespace dovetail::mda
