// One request: penalty, mechanism, passdbs, reply.
// SPDX-License-Identifier: Apache-2.0
#include <functional>

#include "authd/client_session.h"
#include "common/base/text.h"

namespace dovetail::authd {

namespace {

constexpr base::Milliseconds kResponseWait{150'000};

// "OK\t1\tuser=f" and "FAIL\t1\tuser=f" go on alike: fields of the passdb, then who he was before.
std::string reply_fields(const Request& request) {
  std::string text = request.extra.reply_text();
  if (request.original_user && request.original_user != request.user &&
      !request.extra.fields.has("original_user")) {
    text += "\toriginal_user=" + proto::tab_escape(*request.original_user);
  }
  if (request.master_user && !request.extra.fields.has("auth_user")) {
    text += "\tauth_user=" + proto::tab_escape(*request.master_user);
  }
  return text;
}

std::string_view code_of(const Request& request, PassdbResult result) {
  if (result == PassdbResult::internal_failure) return "temp_fail";
  if (request.master_user) return "authz_fail";  // his password was right, his wish was not
  if (result == PassdbResult::disabled) return "user_disabled";
  if (result == PassdbResult::expired) return "pass_expired";
  return {};
}

uint32_t attempt_checksum(const Request& request) {
  std::string text = request.user.value_or(request.original_user.value_or("")) + "\t";
  text += request.password.reveal();
  const auto sum = static_cast<uint32_t>(std::hash<std::string>()(text));
  base::wipe(text);
  return sum == 0 ? 1 : sum;
}

}  // namespace

void ClientSession::say(const PendingAuth& pending, std::string_view text) const {
  if (!server_.settings.verbose) return;
  server_.log.info("{}: {}", log_name(base::lower(pending.request->mech), *pending.request), text);
}

net::Task<> ClientSession::authenticate(std::shared_ptr<ClientSession> self,
                                        std::shared_ptr<PendingAuth> pending) {
  Request& request = *pending->request;
  const std::string ident = Penalties::ident(request.remote_ip);
  Penalties::Found penalty;
  if (!request.no_penalty) penalty = self->server_.penalties.look_up(ident);
  const auto until = base::monotonic_now() + penalty.wait;
  while (!pending->gone && base::monotonic_now() < until) {
    co_await pending->come.wait(until - base::monotonic_now());
  }
  auto step = co_await self->run_mech(*pending);
  if (!step || pending->gone) co_return;
  auto result = co_await self->check(*pending, std::move(*step));
  if (pending->gone) co_return;
  const auto outcome = result.value_or(PassdbResult::mismatch);
  if (outcome == PassdbResult::ok) {
    if (!request.no_penalty) self->server_.penalties.succeeded(ident);
    self->succeed(*pending);
    co_return;
  }
  // A database that is down is nobody's guess.
  if (!request.no_penalty && outcome != PassdbResult::internal_failure) {
    self->server_.penalties.failed(ident, attempt_checksum(request), penalty.penalty);
  }
  self->fail(pending, outcome);
}

net::Task<std::optional<MechStep>> ClientSession::run_mech(PendingAuth& pending) {
  MechStep step = pending.mech->first_challenge();
  // An empty initial response asks for the challenge, as no response does.
  if (pending.response && pending.response->empty()) pending.response.reset();
  for (;;) {
    if (!pending.bad_response.empty()) {
      say(pending, pending.bad_response);
      finish(pending.id, format("FAIL\t{}\tcode=invalid_base64\treason={}\n", pending.id,
                                pending.bad_response));
      co_return std::nullopt;
    }
    if (pending.response) {
      Secret response = std::move(*pending.response);
      pending.response.reset();
      step = pending.mech->next(response);
    }
    if (step.kind != MechStep::challenge) co_return std::move(step);
    if (pending.gone) co_return std::nullopt;
    pending.waiting = true;
    send(format("CONT\t{}\t{}\n", pending.id, base::base64(step.text)));
    const auto until = base::monotonic_now() + kResponseWait;
    while (pending.waiting && !pending.gone && base::monotonic_now() < until) {
      co_await pending.come.wait(until - base::monotonic_now());
    }
    if (pending.gone) co_return std::nullopt;
    if (pending.waiting) {
      finish(pending.id, format("FAIL\t{}\treason=Authentication request timed out\n", pending.id));
      co_return std::nullopt;
    }
  }
}

net::Task<std::optional<PassdbResult>> ClientSession::check(PendingAuth& pending, MechStep step) {
  Request& request = *pending.request;
  if (step.kind == MechStep::failed) {
    say(pending, step.text);
    co_return std::nullopt;
  }
  if (server_.settings.ssl_require_client_cert && !request.valid_client_cert) {
    say(pending, "client didn't present valid SSL certificate");
    co_return std::nullopt;
  }
  auto login = set_login(server_.settings, request, step.user, step.authzid);
  if (!login) {
    say(pending, login.error().text);
    co_return std::nullopt;
  }
  request.password = std::move(step.password);
  auto result = co_await server_.databases->authenticate(request);
  co_return result;
}

void ClientSession::succeed(PendingAuth& pending) {
  const Request& request = *pending.request;
  pending.request->password = Secret();
  // Who only wanted to know (nologin, as Postfix does) will never be asked about.
  if (!request.nologin) server_.remember_login(client_pid_, cookie_, pending.id, pending.request);
  finish(pending.id, format("OK\t{}\tuser={}{}\n", pending.id,
                            proto::tab_escape(request.user.value_or("")), reply_fields(request)));
}

void ClientSession::fail(std::shared_ptr<PendingAuth> pending, PassdbResult result) {
  const Request& request = *pending->request;
  std::string line = format("FAIL\t{}", pending->id);
  const auto& user = request.user ? request.user : request.original_user;
  if (user) line += "\tuser=" + proto::tab_escape(*user);
  const auto code = code_of(request, result);
  if (!code.empty()) line += format("\tcode={}", code);
  line += reply_fields(request) + "\n";
  if (request.nodelay) return finish(pending->id, line);
  auto answer = [self = shared_from_this(), pending, line] {
    if (!pending->gone) self->finish(pending->id, line);
  };
  server_.failures.add(std::move(answer));
}

void ClientSession::finish(uint32_t id, std::string_view line) {
  pending_.erase(id);
  send(line);
}

}  // namespace dovetail::authd
