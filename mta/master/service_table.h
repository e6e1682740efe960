// master.cf's lines as the supervisor's services: which endpoints, how many processes, which options.
// Services whose work Dovetail does elsewhere (tlsmgr, scache ...) get their endpoint and no process (design.md 2).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/service/supervisor.h"
#include "conf/postfix/main_cf.h"
#include "conf/postfix/master_cf.h"

namespace dovetail::mta {

// Where the work of a program without a process of its own is done; empty: the program is a real one.
std::string_view absorbed_program(std::string_view program);

// host:port or port of an inet service as addresses: inet_interfaces and inet_protocols decide where no host is given.
Result<std::vector<SockAddr>> inet_endpoints(std::string_view name, const conf::MainCf& cf);

// master_service_disable: whether a line of master.cf is to be passed over.
bool service_is_disabled(std::string_view patterns, std::string_view name, std::string_view type);

Result<std::vector<service::ServiceSpec>> service_table(const std::vector<conf::MasterService>& lines, const conf::MainCf& cf);

// import_environment as master passes it on, with MAIL_CONFIG set.
std::vector<std::string> service_environment(const conf::MainCf& cf);

}  // namespace dovetail::mta
