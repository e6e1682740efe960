// Whether a user could read or connect to a path, as the modes of the file and of each folder above it say.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace dovetail::check {

struct Who {
  uid_t uid = 0;
  std::vector<gid_t> gids;
};
// nullopt: no such user.
std::optional<Who> user_named(const std::string& name);

// The bits of one file: 4 read, 2 write, 1 search.
bool allows(const Who& who, uid_t owner, gid_t group, mode_t mode, unsigned bits);
// The first of the path's folders, or the file itself, that keeps who out; empty: none. A file that is missing keeps nobody out.
std::string kept_out_by(const Who& who, const std::string& path, unsigned bits);

}  // namespace dovetail::check
