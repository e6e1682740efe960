// The programs `auth` and `auth -w` as roles of the service runner.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "authd/server.h"
#include "common/service/service.h"

namespace dovetail::authd {

class AuthRole : public service::Role {
 public:
  Result<void> prepare(service::Context& context) override;
  net::Task<> serve(service::Context& context, service::Client client) override;

 private:
  std::unique_ptr<AuthServer> server_;
};

class AuthWorkerRole : public service::Role {
 public:
  Result<void> prepare(service::Context& context) override;
  net::Task<> serve(service::Context& context, service::Client client) override;

 private:
  AuthSettings settings_;
};

}  // namespace dovetail::authd
