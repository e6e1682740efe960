// lmtp as a role: it speaks with clients and owns no right to mail; users and deliveries are the broker's business.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>

#include "common/net/pool.h"
#include "common/service/service.h"
#include "mda/lmtp/session.h"

namespace dovetail::mda::lmtp {

class LmtpRole : public service::Role {
 public:
  Result<void> prepare(service::Context& context) override;
  void start(service::Context& context) override;
  Task<> serve(service::Context& context, service::Client client) override;
  void control(service::Context& context, const service::ControlMessage& message,
               std::vector<base::Fd> fds) override;
  void stop(service::Context& context) override;
  void drain(service::Context& context) override;

 private:
  std::string delivery_socket_;
  std::optional<LmtpSettingsCache> settings_;
  std::unique_ptr<net::Pool> pool_;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Services> services_;
  UserCounts users_;
  std::set<Session*> sessions_;
};

}  // namespace dovetail::mda::lmtp
