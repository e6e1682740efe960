// SPDX-License-Identifier: Apache-2.0
#include "common/base/result.h"

#include <system_error>

namespace dovetail::base {

Error errno_error(std::string_view doing, int err) {
  return temporary(std::generic_category().message(err)).wrap(doing);
}

}  // namespace dovetail::base
