// SPDX-License-Identifier: Apache-2.0
#include "authd/server.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "common/base/file.h"
#include "common/base/random.h"
#include "common/base/text.h"

namespace dovetail::authd {

namespace {

constexpr base::Milliseconds kLoginWaits{150'000};

struct NamedKind {
  std::string_view suffix;
  SocketKind kind;
};
constexpr NamedKind socket_kinds[] = {
    {"login", SocketKind::login},      {"token", SocketKind::token},
    {"tokenlogin", SocketKind::token}, {"master", SocketKind::master},
    {"userdb", SocketKind::userdb},
};

}  // namespace

SocketKind socket_kind(std::string_view listener) {
  auto name = base::basename(listener);
  if (const auto dash = name.rfind('-'); dash != name.npos) name.remove_prefix(dash + 1);
  for (const auto& row : socket_kinds) {
    if (row.suffix == name) return row.kind;
  }
  return SocketKind::client;
}

AuthServer::AuthServer(net::Loop& the_loop, AuthSettings the_settings, Logger the_log)
    : loop(the_loop),
      settings(std::move(the_settings)),
      log(std::move(the_log)),
      workers(the_loop, settings.base_dir + "/auth-worker", settings.worker_max_count, log),
      failures(the_loop, settings.failure_delay),
      token_key_(base::random_bytes(32)) {}

Result<std::unique_ptr<AuthServer>> AuthServer::make(net::Loop& loop, AuthSettings settings,
                                                     Logger log) {
  auto server = std::make_unique<AuthServer>(loop, std::move(settings), std::move(log));
  auto databases = Databases::open(loop, server->settings, &server->workers, server->log);
  if (!databases) return databases.error();
  server->databases = std::move(*databases);
  return server;
}

net::Task<> AuthServer::serve(base::Fd fd, SocketKind kind, std::string listener) {
  if (kind == SocketKind::master || kind == SocketKind::userdb) {
    co_await serve_master(*this, std::move(fd), kind, std::move(listener));
  } else {
    co_await serve_client(*this, std::move(fd), kind);
  }
}

void AuthServer::remember_login(pid_t client, const std::string& cookie, uint32_t id,
                                std::shared_ptr<Request> request) {
  forget_old_logins();
  logins_[{client, id, cookie}] = {std::move(request), base::monotonic_now()};
}

void AuthServer::forget_old_logins() {
  const auto now = base::monotonic_now();
  std::erase_if(logins_,
                [now](const auto& entry) { return now - entry.second.since > kLoginWaits; });
}

AuthServer::Known AuthServer::take_login(pid_t client, const std::string& cookie, uint32_t id,
                                         std::shared_ptr<Request>& request) {
  forget_old_logins();
  auto known = Known::no_request;
  for (auto at = logins_.lower_bound({client, id, std::string()}); at != logins_.end(); ++at) {
    const auto& [pid, number, secret] = at->first;
    if (pid != client || number != id) break;
    known = Known::wrong_cookie;  // unless another connection of that process has it
    if (!base::equal_constant_time(secret, cookie)) continue;
    request = std::move(at->second.request);
    logins_.erase(at);
    return Known::yes;
  }
  return known;
}

std::string AuthServer::auth_token(const Request& request, std::string_view session_pid) const {
  const std::string text = format("{}\t{}\t{}\t{}", request.service, session_pid,
                                  request.user.value_or(""), request.session);
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  unsigned length = 0;
  const auto key = token_key_.reveal();
  HMAC(EVP_sha1(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(),
       reinterpret_cast<unsigned char*>(digest.data()), &length);
  digest.resize(length);
  return base::hex(digest);
}

}  // namespace dovetail::authd
