// imap-login, pop3-login as a role: everything before authentication, unprivileged and (as root) chrooted to base_dir/login.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <list>
#include <memory>
#include <optional>

#include "common/service/service.h"
#include "mda/login/session.h"

namespace dovetail::mda {

class LoginRole : public service::Role {
 public:
  explicit LoginRole(std::string protocol) : protocol_(std::move(protocol)) {}

  Result<void> prepare(service::Context& context) override;
  void start(service::Context& context) override;
  Task<> serve(service::Context& context, service::Client client) override;
  void control(service::Context& context, const service::ControlMessage& message,
               std::vector<base::Fd> fds) override;
  bool make_room() override;

 private:
  // The session until its client has gone or logged in; what is left of it then.
  Task<std::optional<LoginRelay>> log_in(service::Client client);

  std::string protocol_;
  std::string auth_socket_, mail_socket_;
  std::optional<LoginSettingsCache> settings_;
  std::unique_ptr<proto::AuthClient> auth_;
  std::unique_ptr<LoginServices> services_;
  std::list<LoginSession*> waiting_;  // before login, oldest first
};

}  // namespace dovetail::mda
