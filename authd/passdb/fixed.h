// Databases that need no look-up: static (the same fields for everybody) and prefetch (what a passdb has given already).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>

#include "authd/passdb/passdb.h"
#include "authd/userdb/userdb.h"

namespace dovetail::authd {

std::unique_ptr<Passdb> make_static_passdb(std::string_view args);
Result<std::unique_ptr<Userdb>> make_static_userdb(std::string_view args);
std::unique_ptr<Userdb> make_prefetch_userdb(bool only_userdb);

}  // namespace dovetail::authd
