// SPDX-License-Identifier: Apache-2.0
#include "mda/lmtp/lmtp_role.h"

#include <unistd.h>

#include "common/base/text.h"
#include "mda/login/login_settings.h"

namespace dovetail::mda::lmtp {

namespace {

constexpr unsigned kLmtpThreads = 4;

class Broker : public Backend {
 public:
  Broker(net::Loop& loop, std::string socket) : client_(loop, std::move(socket)) {}

  Task<Result<FoundUser>> find_user(LookupFor lookup) override {
    Delivery question;
    question.user = std::move(lookup.user);
    question.session = std::move(lookup.session);
    question.local_ip = std::move(lookup.local_ip);
    question.remote_ip = std::move(lookup.remote_ip);
    return client_.find_user(std::move(question));
  }
  Task<Result<DeliveryAnswer>> deliver(Delivery delivery, int fd) override {
    return client_.deliver(std::move(delivery), fd);
  }

 private:
  DeliveryClient client_;
};

}  // namespace

Result<void> LmtpRole::prepare(service::Context& context) {
  auto view = context.settings->view({});
  if (!view) return view.error();
  delivery_socket_ = (*view)->get("base_dir") + "/" + kDeliverySocket;
  settings_.emplace(*context.settings, own_host_domain(), context.tickets);
  auto usual = settings_->get({}, {});
  if (!usual) return usual.error();
  if (!(*usual)->tls_error.empty())
    context.log.error("Failed to initialize SSL server context: {}", (*usual)->tls_error);
  if (!(*usual)->defers.empty())
    context.log.warning("{} is not supported yet: all recipients are deferred", (*usual)->defers);
  return {};
}

void LmtpRole::start(service::Context& context) {
  pool_ = std::make_unique<net::Pool>(context.loop, kLmtpThreads);
  backend_ = std::make_unique<Broker>(context.loop, delivery_socket_);
  services_ = std::make_unique<Services>(
      Services{*backend_, *pool_, Logger(format("lmtp({})", ::getpid())), users_});
}

Task<> LmtpRole::serve(service::Context& context, service::Client client) {
  net::Conn conn(context.loop, std::move(client.fd));
  auto local = conn.local().is_ip() ? conn.local().host() : std::string();
  auto remote = conn.peer().is_ip() ? conn.peer().host() : std::string();
  auto settings = settings_->get(local, remote);
  if (!settings) {
    context.log.error("{}", settings.error().text);
    co_return;
  }
  if (client.listener_ssl) {
    auto tls = (*settings)->tls;
    if (!tls) co_return;
    co_await conn.start_tls_server(std::move(tls));
  }
  Session session(conn, *settings, *services_);
  struct Listed {
    std::set<Session*>& sessions;
    Session* session;
    ~Listed() { sessions.erase(session); }
  };
  sessions_.insert(&session);
  Listed listed{sessions_, &session};
  co_await session.run();
}

void LmtpRole::control(service::Context& context, const service::ControlMessage& message,
                       std::vector<base::Fd> fds) {
  if (message.verb != "settings" || fds.size() != 1) return;
  auto tree = received_settings(fds[0].get());
  if (tree)
    settings_->renew(std::move(*tree));
  else
    context.log.error("{}", tree.error().wrap("new certificate").text);
}

void LmtpRole::stop(service::Context& context) {
  drain(context);
}

void LmtpRole::drain(service::Context&) {
  // A session that ends at once takes itself out of the set.
  auto all = sessions_;
  for (auto* session : all) {
    if (sessions_.contains(session)) session->shut_down();
  }
}

}  // namespace dovetail::mda::lmtp
