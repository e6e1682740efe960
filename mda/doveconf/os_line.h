// The line of doveconf's head that names the system: kernel, machine, distribution and the file system of the mail.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace dovetail::mda::doveconf {

std::string os_line(std::string_view mail_location);

}  // namespace dovetail::mda::doveconf
