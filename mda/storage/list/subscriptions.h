// The subscriptions file. Version 2 ("V<TAB>2", an empty line, then one name per line, parts separated by TAB) is what
// is written anew; a version 1 file (plain names with the storage's separator) stays one.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace dovetail::mda {

struct SubscriptionFile {
  int version = 2;
  std::vector<std::string> names;  // as on disk, parts separated by the storage's separator
};

SubscriptionFile parse_subscriptions(std::string_view text, char storage_separator);
std::string format_subscriptions(const SubscriptionFile& file, char storage_separator);

// A file that is not there is an empty list.
Result<SubscriptionFile> read_subscriptions(const std::string& path, char storage_separator);
// Under PATH.lock. False: locked by somebody else, try again.
Result<bool> change_subscription(const std::string& path, const std::string& name, bool on,
                                 char storage_separator, const std::string& hostname, mode_t mode);

}  // namespace dovetail::mda
