// SPDX-License-Identifier: Apache-2.0
#include "mda/login/login_role.h"

#include <unistd.h>

#include <algorithm>

#include "common/base/text.h"

namespace dovetail::mda {

Result<void> LoginRole::prepare(service::Context& context) {
  auto view = context.settings->view({});
  if (!view) return view.error();
  settings_.emplace(*context.settings, protocol_, context.tickets);
  // A bad certificate is one error at start, too; plain connections work without it.
  auto checked = settings_->get({}, {});
  if (!checked) return checked.error();
  if (!(*checked)->tls_error.empty()) {
    context.log.error("Failed to initialize SSL server context: {}", (*checked)->tls_error);
  }
  // Inside the chroot base_dir/login the sockets login/login and login/imap are at the root.
  auto root = context.hello.get("chroot");
  bool chrooted = ::geteuid() == 0 && !root.empty();
  auto base_dir = (*view)->get("base_dir");
  auto directory = chrooted ? std::string("") : (root.empty() ? base_dir + "/login" : root);
  auth_socket_ = directory + "/login";
  mail_socket_ = directory + "/" + protocol_;
  if (::geteuid() != 0 && !root.empty()) {
    context.log.warning("not started as root: no chroot to {}", root);
  }
  return {};
}

void LoginRole::start(service::Context& context) {
  auth_ = std::make_unique<proto::AuthClient>(context.loop, auth_socket_, context.log);
  services_ = std::make_unique<LoginServices>(
      LoginServices{context.loop, context.log, protocol_, *settings_, *auth_, mail_socket_});
}

void LoginRole::control(service::Context& context, const service::ControlMessage& message,
                        std::vector<base::Fd> fds) {
  if (message.verb != "settings" || fds.size() != 1) return;
  auto tree = received_settings(fds[0].get());
  if (tree)
    settings_->renew(std::move(*tree));
  else
    context.log.error("{}", tree.error().wrap("new certificate").text);
}

// As in the incumbent the oldest client before login gives way to the one that has just come.
bool LoginRole::make_room() {
  auto oldest = std::find_if(waiting_.begin(), waiting_.end(),
                             [](auto* session) { return session->may_be_dropped(); });
  if (oldest == waiting_.end()) return false;
  (*oldest)->drop_for_another();
  return true;
}

Task<> LoginRole::serve(service::Context&, service::Client client) {
  auto relay = co_await log_in(std::move(client));
  if (relay) co_await relay->run();
}

Task<std::optional<LoginRelay>> LoginRole::log_in(service::Client client) {
  auto session = protocol_ == "pop3" ? make_pop3_login(*services_, std::move(client.fd))
                                     : make_imap_login(*services_, std::move(client.fd));
  struct Listed {
    std::list<LoginSession*>& list;
    std::list<LoginSession*>::iterator place;
    ~Listed() { list.erase(place); }
  };
  Listed listed{waiting_, waiting_.insert(waiting_.end(), session.get())};
  co_await session->run(client.listener_ssl);
  co_return session->take_relay();
}

}  // namespace dovetail::mda
