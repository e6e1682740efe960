// Which SASL mechanisms this session may use: those of the auth server, less what smtpd_sasl_security_options and
// smtpd_sasl_mechanism_filter take away. An auth server that is not there is no error: AUTH is not offered and mail goes
// on (on purpose unlike the incumbent, whose port 25 would be shut), with one warning.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/net/task.h"
#include "common/proto/auth_client.h"

namespace dovetail::mta::smtpd {

class Session;

// "PLAIN LOGIN"; "" if none may be offered.
Task<std::string> offered_mechanisms(Session& s);
// The same as a list; an Error: the auth server cannot be reached.
Task<Result<std::vector<std::string>>> usable_mechanisms(Session& s);
// smtpd_sasl_security_options: noanonymous, noplaintext ...
bool mechanism_is_safe(const proto::AuthMech& mechanism, std::string_view options);

}  // namespace dovetail::mta::smtpd
