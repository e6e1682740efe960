// The auth server without its parent, for tests: auth_test_server dovecot.conf DIRECTORY listens on DIRECTORY/auth-client,
// auth-login, auth-master, auth-userdb and answers as its own auth-worker; logs to standard error. Never installed.
// SPDX-License-Identifier: Apache-2.0
#include "authd/server.h"
#include "authd/worker/worker_session.h"
#include "common/base/text.h"
#include "common/net/listen.h"

namespace dovetail::authd {
namespace {

net::Task<> accept_for(AuthServer& server, net::Listener& listener, std::string name) {
  for (;;) {
    auto accepted = co_await listener.accept(server.loop);
    if (name == "auth-worker") {
      net::spawn(serve_worker(server.loop, std::move(accepted.fd), server.settings,
                              Logger("auth-worker(0)")),
                 server.log);
    } else {
      net::spawn(server.serve(std::move(accepted.fd), socket_kind(name), name), server.log);
    }
  }
}

int run_auth_test_server(const std::string& config, const std::string& directory) {
  const Logger log("auth");
  base::LogTarget target;
  target.style = base::LogStyle::dovecot;
  base::open_log(target);
  auto fatal = [&log](const Error& error) {
    log.fatal("{}", error.text);
    return 89;
  };
  auto tree = conf::dovecot::load(config, {{"base_dir", directory}});
  if (!tree) return fatal(tree.error());
  auto view = tree->view({});
  if (!view) return fatal(view.error());
  auto settings = read_auth_settings(**view);
  if (!settings) return fatal(settings.error());
  net::Loop loop;
  auto server = AuthServer::make(loop, std::move(*settings), log);
  if (!server) return fatal(server.error());
  std::vector<std::unique_ptr<net::Listener>> listeners;
  for (const char* name :
       {"auth-client", "auth-login", "auth-master", "auth-userdb", "auth-worker"}) {
    auto fd = net::listen_unix(directory + "/" + name, 0600, 128);
    if (!fd) return fatal(fd.error());
    listeners.push_back(std::make_unique<net::Listener>(loop, std::move(*fd)));
    net::spawn(accept_for(**server, *listeners.back(), name), log);
  }
  loop.run();
  return 0;
}

}  // namespace
}  // namespace dovetail::authd

int main(int argc, char** argv) {
  if (argc != 3) return 64;
  return dovetail::authd::run_auth_test_server(argv[1], argv[2]);
}
