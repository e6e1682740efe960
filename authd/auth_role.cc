// SPDX-License-Identifier: Apache-2.0
#include "authd/auth_role.h"

#include "authd/worker/worker_session.h"
#include "common/base/text.h"

namespace dovetail::authd {

namespace {

Result<AuthSettings> settings_from(const service::Context& context) {
  auto view = context.settings->view({});
  if (!view) return view.error();
  auto settings = read_auth_settings(**view);
  if (!settings) return settings.error();
  settings->external_file = [tree = context.settings](const std::string& path) {
    return tree->external_file(path);
  };
  return settings;
}

}  // namespace

Result<void> AuthRole::prepare(service::Context& context) {
  auto settings = settings_from(context);
  if (!settings) return settings.error();
  auto server = AuthServer::make(context.loop, std::move(*settings), context.log);
  if (!server) return server.error();
  server_ = std::move(*server);
  if (context.hello.number("no_penalty")) server_->penalties.disable();
  return {};
}

net::Task<> AuthRole::serve(service::Context&, service::Client client) {
  const auto kind = socket_kind(client.listener);
  co_await server_->serve(std::move(client.fd), kind, std::move(client.listener));
}

Result<void> AuthWorkerRole::prepare(service::Context& context) {
  auto settings = settings_from(context);
  if (!settings) return settings.error();
  settings_ = std::move(*settings);
  return {};
}

net::Task<> AuthWorkerRole::serve(service::Context& context, service::Client client) {
  co_await serve_worker(context.loop, std::move(client.fd), settings_, context.log);
}

}  // namespace dovetail::authd
